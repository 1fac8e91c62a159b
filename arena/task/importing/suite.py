"""A whole file or folder of somebody's suite: each thing imported, or listed with its reason."""

import shutil
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.sandbox.engine import DockerEngine
from arena.task.files import write_pack
from arena.task.formats.instances import Unreadable, read_wishes
from arena.task.formats.predictions import slug
from arena.task.importing import rows, scripts
from arena.task.importing.importer import (
    Imported,
    Importer,
    NotImportableError,
    Pulls,
    Report,
    Source,
    Thing,
)
from arena.task.mining.runner import Say

REPORT = "import.json"

IMPORTERS: tuple[Importer[Any], ...] = (rows.IMPORTER, scripts.IMPORTER)
"""The first that takes a path reads it."""


@dataclass(frozen=True)
class ImportRequest:
    """What to import."""

    path: Path
    out: Path
    repos: Path | None = None
    """Folder of local clones."""
    env: Path | None = None
    limit: int | None = None
    """Most things to import."""
    jobs: int = 2


def import_suite(request: ImportRequest, engine: DockerEngine, say: Say) -> Report:
    """Import what can be; the rest goes on.

    Args:
        request: what.
        engine: where gold and nop are run.
        say: told of each in one line.

    Raises:
        InputError: the path is no suite of a known form.
        EngineError: the engine broke.
    """
    importer = _importer_of(request.path)
    things: list[Thing | Unreadable] = list(importer.read(request.path))[: request.limit]
    if not things:
        raise InputError(
            "nothing in it has a known form",
            where=str(request.path),
            remedy="`arena tasks import --help` names the forms",
        )
    pack = slug(request.out.name)
    source = Source(
        out=request.out,
        pack=pack,
        mirrors=request.repos,
        wishes=read_wishes(request.env) if request.env else {},
        engine=engine,
        pulls=Pulls(engine),
    )
    write_pack(
        request.out,
        pack,
        f"Imported from {request.path.name}",
        private=False,
        description="Made by `arena tasks import`; what could not be imported is in import.json.",
    )
    found = []
    readable = [one for one in things if not isinstance(one, Unreadable)]
    firsts = {slug(one.instance_id): one for one in reversed(readable)}
    with ThreadPoolExecutor(request.jobs, thread_name_prefix="import") as pool:
        made = pool.map(lambda thing: _one(thing, importer, source, firsts), things)
        for number, one in enumerate(made, 1):
            what = one.task or f"not imported: {one.reason}"
            say(f"[{number}/{len(things)}] {one.instance_id}: {what} ({one.seconds:.0f} s)")
            found.append(one)
    refused = tuple(one for one in found if one.task is None)
    report = Report(
        source=request.path.name,
        tasks=tuple(one for one in found if one.task),
        refused=refused,
        reasons=dict(Counter(one.reason.partition(":")[0] for one in refused).most_common()),
    )
    (request.out / REPORT).write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return report


def _importer_of(path: Path) -> Importer[Any]:
    for one in IMPORTERS:
        if one.takes(path):
            return one
    raise InputError("no such file or folder", where=str(path), remedy="give a suite")


def _one(
    thing: Thing | Unreadable,
    importer: Importer[Any],
    source: Source,
    firsts: Mapping[str, Thing],
) -> Imported:
    started = time.monotonic()
    name, reason = slug(thing.instance_id), thing.reason if isinstance(thing, Unreadable) else ""
    if name in {"", "images"}:
        reason = reason or "its id can be no name of a folder"
    elif firsts.get(name, thing) is not thing:
        reason = reason or "another one before it has this name"
    if reason or isinstance(thing, Unreadable):
        return Imported(instance_id=thing.instance_id, reason=reason)
    try:
        done = importer.make(thing, source)
    except NotImportableError as error:
        shutil.rmtree(source.out / name, ignore_errors=True)
        done = Imported(instance_id=thing.instance_id, reason=str(error))
    return done.model_copy(update={"seconds": round(time.monotonic() - started, 1)})
