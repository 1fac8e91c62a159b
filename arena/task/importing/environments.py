"""What a repository needs, installed while an image is built: by its own build backend.

The network is there only then. Its needs are those of the commit's day where the package index
says when a file was uploaded. One image serves all rows that share it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from arena.errors import InputError
from arena.protocols import Sandbox
from arena.records import File, Record, digest_of
from arena.records.container import AGENT_USER
from arena.resources import sandboxes_dir
from arena.sandbox.image.build import DockerfileError
from arena.sandbox.image.images import Images
from arena.sandbox.image.packages import is_plain
from arena.serialize import from_json
from arena.task.files import is_leftover
from arena.task.formats.instances import Wish
from arena.task.importing.importer import (
    LIMITS,
    Made,
    NotImportableError,
    Source,
    plugins_of,
    work_tree,
)
from arena.task.mining.projects import TEST_EXTRAS, UNWANTED, Project
from arena.task.mining.pytest_runner import is_pytest
from arena.task.mining.runner import Environment, write_image

_BASE = "stand-ins/python"
_LEFT_OUT = "/opt/environment/left_out.json"
_TOLD_LIMIT = 1 << 20


class _LeftOut(Record):
    built: bool
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
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
    """Refuse packages of a row that are named by an address or a path.

    Raises:
        NotImportableError: one is.
    """
    for one in packages:
        if not is_plain(one):
            raise NotImportableError(f"its packages cannot be had: {one!r} is no plain requirement")


def build(source: Source, name: str, tree: Sequence[File], asked: Asked) -> Made:
    """Build an environment for a tree.

    Raises:
        NotImportableError: it cannot be built.
        EngineError: the engine broke.
    """
    tracked = "".join(f"{file.path}\n" for file in tree if "\n" not in file.path)
    shipped = sandboxes_dir() / "stand-ins"
    files = [
        File(path="Dockerfile", data=(shipped / "repository.Dockerfile").read_bytes()),
        File(path="told.json", data=asked.told()),
        File(path="install.py", data=(shipped / "install.py").read_bytes()),
        File(path="tracked", data=tracked.encode("utf-8", "surrogateescape")),
        *(file.model_copy(update={"path": f"repo/{file.path}"}) for file in tree),
    ]
    about = f"{asked.project.name or name} and what its tests need"
    write_image(source.out, name, files, "python", about, base=_BASE)
    try:
        made = Images(source.engine, lambda _: ()).ensure_image(source.out, name)
    except (InputError, DockerfileError) as error:
        raise NotImportableError(f"its environment cannot be built: {error}") from None
    with source.engine.open(made.id, limits=LIMITS, labels={}, user=AGENT_USER) as box:
        known = {file.path for file in tree}
        generated = tuple(
            file for file in work_tree(box) if file.path not in known and not is_leftover(file.path)
        )
        left_out = _left_out(box)
        plugins = () if is_pytest(tree) else plugins_of(box)
    environment = Environment(image=name, plugins=plugins, left_out=left_out)
    return Made(environment, generated, made.size_mb)


def _left_out(box: Sandbox) -> tuple[str, ...]:
    told = box.get(_LEFT_OUT, limit=_TOLD_LIMIT)
    try:
        found = _LeftOut.model_validate(from_json(told.data))
    except ValueError:
        return ()
    return (*(() if found.built else ("the repository itself",)), *found.left_out)


def name_of(repo: str, version: str, asked: Asked) -> str:
    """A name that rows with the same needs share."""
    project, wish = asked.project, asked.wish
    needs: list[JsonValue] = [
        project.name,
        list(project.bounded),
        list(wish.packages),
        list(wish.without),
    ]
    return f"{repo}-{version}-{digest_of(needs)[:6]}"
