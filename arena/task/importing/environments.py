"""What a repository needs, installed while an image is built: by its own build backend.

The network is there only then. Its needs are those of the commit's day where the package index
says when a file was uploaded. One image serves all rows that share it.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import JsonValue

from arena.records import File, digest_of
from arena.sandbox.image.packages import is_plain
from arena.task.files import is_leftover
from arena.task.formats.instances import Wish
from arena.task.importing.importer import (
    TEXTS,
    Made,
    NotImportableError,
    Source,
    plugins_of,
    shipped,
    work_tree,
)
from arena.task.mining.projects import TEST_EXTRAS, UNWANTED, Project
from arena.task.mining.pytest_runner import is_pytest
from arena.task.mining.runner import Environment, write_image

_LEFT_OUT = "/opt/environment/left_out.json"
_TOLD_LIMIT = 1 << 20


@dataclass(frozen=True)
class EnvironmentNeeds:
    """What an environment is made for."""

    project: Project
    wish: Wish
    date: str
    """Day of the commit."""

    def told(self) -> bytes:
        """As `install.py` reads it."""
        project = self.project
        return json.dumps(
            {
                "name": re.sub(r"[-_.]+", "-", project.name or "").lower(),
                "version": project.version or "",
                "date": self.date,
                "build": project.build,
                "extras": TEST_EXTRAS.pattern,
                "tools": sorted(UNWANTED),
                "given": self.wish.packages,
                "without": self.wish.without,
                "requirements": project.bounded,
                "entry_points": project.entry_points,
            },
            indent=1,
        ).encode()


def must_be_plain(packages: Sequence[str]) -> None:
    """Refuse packages of a row that are named by an address or a path."""
    for one in packages:
        if not is_plain(one):
            raise NotImportableError(f"its packages cannot be had: {one!r} is no plain requirement")


def build(source: Source, name: str, tree: Sequence[File], needs: EnvironmentNeeds) -> Made:
    """Build an environment for a tree."""
    tracked = "".join(f"{file.path}\n" for file in tree if "\n" not in file.path)
    files = [
        File(path="Dockerfile", data=shipped("repository.Dockerfile")),
        File(path="told.json", data=needs.told()),
        File(path="install.py", data=shipped("install.py")),
        File(path="tracked", data=tracked.encode("utf-8", "surrogateescape")),
        *(file.model_copy(update={"path": f"repo/{file.path}"}) for file in tree),
    ]
    about = f"{needs.project.name or name} and what its tests need"
    write_image(source.out, name, files, "python", about, base="stand-ins/python")
    made = source.image(name, "environment")
    with source.opened(made.id) as box:
        known = {file.path for file in tree}
        generated = tuple(
            file for file in work_tree(box) if file.path not in known and not is_leftover(file.path)
        )
        left_out: tuple[str, ...] = ()
        with suppress(ValueError):  # what was built wrote it
            left_out = TEXTS.validate_json(box.get(_LEFT_OUT, limit=_TOLD_LIMIT).data)
        plugins = () if is_pytest(tree) else plugins_of(box)
    environment = Environment(image=name, plugins=plugins, left_out=left_out)
    return Made(environment, generated, made.size_mb)


def name_of(repo: str, version: str, needs: EnvironmentNeeds) -> str:
    """A name that rows with the same needs share."""
    project, wish = needs.project, needs.wish
    same: list[JsonValue] = [project.name, list(project.bounded)]
    same += [list(wish.packages), list(wish.without)]
    return f"{repo}-{version}-{digest_of(same)[:6]}"
