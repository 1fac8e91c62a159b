"""The run directory: its paths, its manifest, the trials it plans, and the lock that guards it.

runs/<name>/
    manifest.json     configuration and digests of everything that could change a result
    ledger.jsonl      append-only events (`arena.rundir.ledger`)
    run.lock          held by the process that writes
    trials/<id>/      transcript.jsonl, patch.diff, junit.xml, verify.log of the last try;
                      earlier tries in try-1/, try-2/ …
    report/index.html

A task's image stays hot while all contestants work on it, and contestants are shuffled within a
task, so that no contestant always goes first and time of day is nobody's advantage.
"""

import fcntl
import json
import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

from pydantic import Field

from arena import registry
from arena.errors import HarnessError, InputError
from arena.paths import AnyPath, SafePath
from arena.records import (
    Assurance,
    BackendSpec,
    Budget,
    ContestantSpec,
    Difficulty,
    FxRate,
    Language,
    Limits,
    Provenance,
    RacePlan,
    Record,
    SandboxLimits,
    TestPlan,
    TrialSpec,
    digest_of,
)
from arena.records.program import Program
from arena.serialize import read_json, shaped

SCHEMA = 1
MAX_NAME_BYTES = 255
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,239}")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_NO_FOLDER = re.compile(r"[/\0]|^\.{1,2}$")


class TaskEntry(Record):
    """What the manifest keeps of a task: enough to score and to show, not to run."""

    id: str
    pack: str
    title: str
    language: Language
    difficulty: Difficulty
    digest: str
    image: str
    """Digest of what the image holds: tree, recipe and the versions of everything installed."""
    image_id: str = ""
    """The engine's own digest of the image, which differs each time it is built."""
    problem_statement: str
    tests: TestPlan
    assurance: Assurance = "ids"
    provenance: Provenance | None = None
    underspecified: tuple[str, ...] = ()
    repository: str | None = None
    instance_id: str | None = None
    quarantined: tuple[str, ...] = ()
    impossible: bool = False
    private: bool = False


class EngineInfo(Record):
    """The container engine a run used."""

    version: str
    platform: str
    cpus: int
    memory_mb: int


class Manifest(Record):
    """Everything that could change a result, written before the first trial."""

    schema_version: int = SCHEMA
    run_id: str
    name: str
    created_at: datetime
    arena_version: str
    attempts: int
    """Planned at each task; the last command decides."""
    attempts_begun: int = 0
    """The most that were ever planned, where that is more: their trials stay in the ledger."""
    left_out_tasks: tuple[str, ...] = ()
    """No longer planned; what they cost still counts against budgets."""
    left_out_contestants: tuple[str, ...] = ()
    """As with tasks."""
    concurrency: int
    limits: Limits
    sandbox: SandboxLimits
    strict: bool = True
    conditions: str = ""
    """Digest of limits, sandbox and strictness, as the first session computed it."""
    budget: Budget = Budget()
    contestant_budgets: dict[str, Budget] = Field(default_factory=dict)
    seed: int = 0
    """Seeds the order of work and every bootstrap."""
    value_usd: Decimal | None = None
    """What a solved task is worth, in US dollars, where the configuration says so."""
    race: RacePlan | None = None
    """Set where trials are chosen as evidence comes in."""
    tasks: tuple[TaskEntry, ...]
    contestants: tuple[ContestantSpec, ...]
    fx: tuple[FxRate, ...] = ()
    engine: EngineInfo | None = None
    base_image: str = ""
    """How the base image was made and its digest."""
    programs: dict[str, Program] = Field(default_factory=dict)
    """Agents that are programs of their own, by name."""
    layers: dict[str, str] = Field(default_factory=dict)
    """Digests of what was installed for them, by name."""

    def contestant(self, name: str) -> ContestantSpec:
        """One of the run's contestants."""
        return next(one for one in self.contestants if one.name == name)

    def planned(self) -> "Manifest":
        """The run without what was left out of its plan after it had begun."""
        tasks = tuple(t for t in self.tasks if t.id not in self.left_out_tasks)
        out = self.left_out_contestants
        contestants = tuple(c for c in self.contestants if c.name not in out)
        return self.model_copy(update={"tasks": tasks, "contestants": contestants})

    @property
    def backends(self) -> dict[str, BackendSpec]:
        """By contestant; controls have none."""
        return {c.name: c.backend for c in self.contestants if c.backend is not None}

    @property
    def simulated(self) -> bool:
        """Whether any endpoint was not its provider's own."""
        return any(spec.simulated for spec in self.backends.values())


def file_stem(trial_id: str) -> str:
    """Name of a file about a trial; an id unfit for one is cut, with its digest behind a `~`."""
    if _PLAIN.fullmatch(trial_id):
        return trial_id
    start = _NOT_PLAIN.sub("-", trial_id)[:60].strip("-.")
    return f"{start}~{digest_of(trial_id)[:32]}"


class RunDir:
    """Paths below one run directory; makes nothing until asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inside = SafePath(path)
        self.manifest_path = self.inside / "manifest.json"
        self.ledger_path = self.inside / "ledger.jsonl"
        self.lock_path = self.inside / "run.lock"
        self.report_dir = self.inside / "report"

    def trial_dir(self, trial_id: str) -> SafePath:
        """Folder of the last try of a trial; none where a foreign run's id can name no folder."""
        fits = not _NO_FOLDER.search(trial_id) and len(trial_id.encode()) <= MAX_NAME_BYTES
        return self.inside / "trials" / (trial_id if fits else file_stem(trial_id))

    def begun(self) -> Manifest | None:
        """The manifest of the run here; None where none has begun."""
        if not self._has(self.manifest_path):
            return None
        value = read_json(self.manifest_path)
        if isinstance(value, dict):
            refuse_newer(value.get("schema_version"), SCHEMA, self.manifest_path)
        remedy = "restore the file as the run wrote it"
        return shaped(value, Manifest, where=str(self.manifest_path), remedy=remedy)

    def read_manifest(self) -> Manifest:
        """The manifest, or one clear line on why there is none."""
        if (manifest := self.begun()) is None:
            raise InputError(
                "no run here (manifest.json is missing)",
                where=str(self.path),
                remedy="give the folder that `arena run` wrote",
            )
        return manifest

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest in one step, so a reader never sees half of it."""
        text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
        replace_file(self.manifest_path, text + "\n")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory for writing; after an error nothing new and empty is left of it.

        It is an `InputError` where another process holds it, or it cannot be written.
        """
        is_new = not self._has(self.lock_path)
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        with self._claimed():
            try:
                yield
            except BaseException:
                if is_new:
                    self.lock_path.unlink()
                with suppress(OSError):  # the first that holds something stays, and what it is in
                    for folder in missing:
                        folder.rmdir()
                raise

    def _has(self, path: SafePath) -> bool:
        try:
            return path.exists()
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise InputError(what, where=str(self.path)) from None

    def _claimed(self) -> IO[bytes]:
        """The lock file, locked: the one that is there, not one that was removed meanwhile."""
        while True:
            try:
                for _ in self.inside.files():  # nothing else may be in what is written to
                    pass
                handle = self.lock_path.open("ab+")
            except OSError as error:
                raise InputError(
                    f"cannot be written ({error.strerror})",
                    where=str(self.path),
                    remedy="give another --out",
                ) from None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                with handle:
                    handle.seek(0)
                    holder = handle.read(100).decode("utf-8", "replace") or "another process"
                raise InputError(
                    f"{holder} is writing this run",
                    where=str(self.path),
                    remedy="wait for it, or give another --out",
                ) from None
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle.fileno()), self.lock_path.stat()):
                    handle.truncate(0)
                    with suppress(OSError):  # on a full disk the holder has no name
                        os.write(handle.fileno(), b"process %d" % os.getpid())
                    return handle
            handle.close()


def refuse_newer(version: object, known: int, path: AnyPath) -> None:
    """Raise an `InputError` for a file of a newer version."""
    if isinstance(version, int) and version > known:
        raise InputError(
            f"was written by a newer version (schema {version})",
            where=str(path),
            remedy="update arena",
        )


def replace_file(path: SafePath, text: str) -> None:
    """Put a file in place, synced; on a full or broken disk the old one stays, a `HarnessError`."""
    try:
        path.write(text, durable=True)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from error


def trial_id(task_id: str, contestant: str, attempt: int) -> str:
    """Readable, unique in a run, and fit for a folder name."""
    return f"{task_id.replace('/', '.')}--{contestant}--{attempt}"


def conditions_of(limits: Limits, sandbox: SandboxLimits, *, strict: bool) -> str:
    """Digest of what every trial of a run is held to."""
    return digest_of([limits.model_dump(mode="json"), sandbox.model_dump(mode="json"), strict])


def trial_specs(manifest: Manifest, *, ever: bool = False) -> Iterator[TrialSpec]:
    """Every trial that is planned, or ever was, in the order of work."""
    order = random.Random(manifest.seed)
    conditions = manifest.conditions or conditions_of(
        manifest.limits, manifest.sandbox, strict=manifest.strict
    )
    plan = manifest if ever else manifest.planned()
    most = max(plan.attempts, plan.attempts_begun) if ever else plan.attempts
    identity = {c.name: c.digest for c in plan.contestants}
    digests = {
        (task.id, name): digest_of([task.digest, task.image, conditions, digest])
        for task in plan.tasks
        for name, digest in identity.items()
    }
    for attempt in range(1, most + 1):
        tasks = list(plan.tasks)
        order.shuffle(tasks)
        for task in tasks:
            contestants = list(plan.contestants)
            order.shuffle(contestants)
            for contestant in contestants:
                if runs(contestant, impossible=task.impossible):
                    yield TrialSpec(
                        id=trial_id(task.id, contestant.name, attempt),
                        task_id=task.id,
                        contestant=contestant.name,
                        attempt=attempt,
                        digest=digests[task.id, contestant.name],
                    )


def runs(contestant: ContestantSpec, *, impossible: bool) -> bool:
    """Whether a contestant meets a task: impossible controls have no gold patch to be given."""
    return not (impossible and registry.is_given_gold(contestant.agent))
