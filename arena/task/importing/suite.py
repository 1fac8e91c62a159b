"""A whole file or folder of somebody's suite: each thing imported, or listed with its reason.

What became of a thing is written down as soon as it is known, so a stopped import goes on where it
was. A fault of the machinery ends the one thing it struck, which is tried again the next time.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from arena.errors import EngineError, FaultError, InputError
from arena.paths import SafePath
from arena.records import digest_of
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.build import DockerfileError
from arena.sandbox.services import ServiceError
from arena.serialize import read_record, well_formed
from arena.task.files import write_pack
from arena.task.formats.instances import Thing, Unreadable, Wish
from arena.task.formats.predictions import slug
from arena.task.importing import rows, scripts
from arena.task.importing.importer import (
    LOGS,
    Imported,
    Importer,
    ImportRequest,
    NotImportableError,
    Once,
    Pulls,
    Report,
    Source,
)
from arena.task.mining.candidate import yields
from arena.task.mining.runner import Say

REPORT = "import.json"

IMPORTERS: tuple[Importer, ...] = (rows.IMPORTER, scripts.IMPORTER)
"""The first that takes a path reads it."""
_NO_NAMES = {"", "images", LOGS}


def import_suite(request: ImportRequest, engine: DockerEngine, say: Say) -> Report:
    """Import what can be, and tell of each in one line as it is done; the rest goes on.

    Raises:
        InputError: the path is no suite of a known form.
        EngineError: no engine answers any more.
    """
    importer = next((one for one in IMPORTERS if one.takes(request.path)), None)
    if importer is None:
        where = str(request.path)
        raise InputError("no such file or folder", where=where, remedy="give a suite")
    things = list(importer.read(request.path))[: request.limit]
    if not things:
        raise InputError(
            "nothing in it has a known form",
            where=str(request.path),
            remedy="`arena tasks import --help` names the forms",
        )
    source = _source(request, engine)
    # What else than the thing itself decides what becomes of it
    clones = sorted(path.name for path in request.repos.iterdir()) if request.repos else []
    keys = [digest_of(repr((thing, clones, source.wishes))) for thing in things]
    # And for how long a refusal holds
    refusals = [digest_of([key, request.test_seconds, request.run_seconds]) for key in keys]
    before = _done_before(request.out)
    known = enumerate(zip(keys, refusals, strict=True))
    found = {at: before[key] for at, pair in known for key in pair if key in before}
    readable = [one for one in things if not isinstance(one, Unreadable)]
    firsts = {slug(one.instance_id): one for one in reversed(readable)}
    with ThreadPoolExecutor(request.jobs, thread_name_prefix="import") as pool:
        waiting = {
            pool.submit(_one, thing, importer, source, firsts): at
            for at, thing in enumerate(things)
            if at not in found
        }
        for future in as_completed(waiting):
            at = waiting[future]
            try:
                one = future.result()
            except FaultError:
                pool.shutdown(cancel_futures=True)
                raise
            given = (keys if one.task else refusals)[at]
            found[at] = one.model_copy(update={"given": given})
            say(f"[{len(found)}/{len(things)}] {_line(one)}")
            _written(request, found)
    return _written(request, found)


def _source(request: ImportRequest, engine: DockerEngine) -> Source:
    """Begin the pack that things are imported into."""
    pack = slug(request.out.name)
    write_pack(
        request.out,
        pack,
        f"Imported from {request.path.name}",
        private=False,
        description="Made by `arena tasks import`; what could not be imported is in import.json.",
    )
    wishes = read_record(request.env, dict[str, Wish]) if request.env else {}
    return Source(request, pack, wishes, engine, Pulls(engine), Once())


def _line(one: Imported) -> str:
    what = one.task or f"not imported: {one.reason}"
    notes = "".join(f"; {note}" for note in one.notes) if one.task else ""
    return f"{one.instance_id}: {what}{notes} ({one.seconds:.0f} s)"


def _written(request: ImportRequest, done: Mapping[int, Imported]) -> Report:
    found = [done[at] for at in sorted(done)]
    refused = tuple(one for one in found if one.task is None)
    report = Report(
        source=request.path.name,
        tasks=tuple(one for one in found if one.task),
        refused=refused,
        reasons=dict(Counter(one.reason.partition(":")[0] for one in refused).most_common()),
        yields=yields(found),
    )
    text = json.dumps(well_formed(report.model_dump(mode="json")), indent=1, ensure_ascii=False)
    (SafePath(request.out) / REPORT).write(text + "\n")
    return report


def _done_before(out: Path) -> dict[str, Imported]:
    """What an earlier import of the same things came to, less what a fault ended."""
    path = SafePath(out) / REPORT
    if not path.is_file():
        return {}
    try:
        report = read_record(path, Report)
    except InputError:  # of another version
        return {}
    return {
        one.given: one
        for one in (*report.tasks, *report.refused)
        if one.given and not one.fault and (one.task is None or (out / one.task).is_dir())
    }


def _one(thing: Thing, importer: Importer, source: Source, firsts: Mapping[str, Thing]) -> Imported:
    started = time.monotonic()
    name, reason = slug(thing.instance_id), ""
    if isinstance(thing, Unreadable):
        reason = thing.reason
    elif name in _NO_NAMES:
        reason = "its id can be no name of a folder"
    elif firsts[name] is not thing:
        reason = "another one before it has this name"
    if reason:
        return Imported(instance_id=thing.instance_id, reason=reason)
    try:
        done = importer.make(thing, source)
    except (DockerfileError, InputError, NotImportableError, ServiceError) as error:
        done = Imported(instance_id=thing.instance_id, reason=str(error))
    except FaultError as error:
        if isinstance(error, EngineError):
            source.engine.check()
        reason = f"{error.kind}: {error}"
        done = Imported(instance_id=thing.instance_id, reason=reason, fault=True)
    if done.task is None:
        shutil.rmtree(source.out / name, ignore_errors=True)
    return done.model_copy(update={"seconds": round(time.monotonic() - started, 1)})
