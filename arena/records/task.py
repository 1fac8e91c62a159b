"""Tasks, the tests that decide them, and what goes into and comes out of a sandbox."""

from collections import Counter
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from arena.records.base import Assurance, Difficulty, Language, Provenance, Record, ReportForm


class ExecResult(Record):
    """How a command in a sandbox ended. Anything a command can cause is a result, not an error."""

    exit_code: int | None
    """None when the command did not end by itself."""
    stdout: bytes = b""
    stderr: bytes = b""
    ended: Literal["exited", "timeout", "container_ended"] = "exited"
    truncated_bytes: int = 0
    """Output beyond the limit, drained and dropped."""
    wall_s: float

    @property
    def text(self) -> str:
        """Stdout then stderr, decoded with replacement."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


class File(Record):
    """A regular file to put into a sandbox; `path` is absolute or relative to the work tree."""

    path: str
    data: bytes
    mode: int = 0o644


class Change(Record):
    """One path of the work tree that differs from the image, as the engine tells it."""

    path: str
    """Relative to the work tree, with `/`."""
    kind: Literal["added", "modified", "deleted"]


class Entry(Record):
    """What is at a path: a regular file, a link, or something that no patch may hold."""

    kind: Literal["file", "symlink", "directory", "other", "absent"]
    data: bytes = b""
    """Content of a file, target of a symlink."""
    mode: int = 0
    too_large: bool = False


WEEK_S = 604_800
Seconds = Annotated[float, Field(gt=0, le=WEEK_S)]
"""Of a time limit: a week at most, since no timer holds any number."""


class TestPlan(Record):
    """Which hidden tests decide, and how they are run."""

    __test__: ClassVar[bool] = False  # its name makes pytest think it is a test

    runner: str
    """What runs the tests (`RUNNERS` of arena/registry.py); it decides the form of their ids."""
    fail_to_pass: tuple[str, ...] = Field(min_length=1)
    """Ids that fail before the fix and must pass after it."""
    pass_to_pass: tuple[str, ...] = ()
    """Ids that pass before the fix and must still pass."""
    must_fail: tuple[str, ...] = ()
    """Ids of the twins: tests with a wrong expected value, failing even after the fix."""
    command: tuple[str, ...] = ()
    """For `junit` (`{report}` is the file that its report belongs in), `command` and `script`."""
    report: ReportForm | None = None
    """For `command`: the form of its report."""
    report_files: tuple[str, ...] = ()
    """For `command`: globs of the files that hold it; what is printed when empty."""
    plugins: tuple[str, ...] = ()
    """pytest plugins to load, named as after `-p`; no others are."""
    options: tuple[str, ...] = ()
    """pytest settings, each `name=value`; the repository's own do not count."""
    timeout_s: Seconds = 120.0
    """Time limit for the whole verification command."""

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> "TestPlan":
        ids = (*self.fail_to_pass, *self.pass_to_pass, *self.must_fail)
        if len(set(ids)) != len(ids):
            twice = sorted(one for one, times in Counter(ids).items() if times > 1)
            raise ValueError(f"test ids appear twice: {', '.join(twice)}")
        return self


Mount = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][\w.-]*:/[^:]+(:ro)?$")]
"""A volume of the services and where it is seen: `name:/path`, or `name:/path:ro`."""


class Service(Record):
    """A program beside a task's sandbox."""

    name: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$")
    """Its host name on their network."""
    image: str
    """A folder of the pack's `images/`, with `serves`: all of how it is started stands there."""
    aliases: tuple[str, ...] = ()
    """More host names."""
    mounts: tuple[Mount, ...] = ()
    """Volumes that it sees, each `name:/path` or `name:/path:ro`."""
    ends: bool = False
    """It does its work and ends with 0 before anything after it starts."""


class Composition(Record):
    """Services beside a task's sandbox, on a network of theirs that leads nowhere else."""

    services: tuple[Service, ...] = Field(min_length=1)
    """Started afresh with each sandbox, in this order, each once the one before is ready."""
    mounts: tuple[Mount, ...] = ()
    """Volumes of theirs that the sandbox sees, each `name:/path` or `name:/path:ro`."""


class TaskHead(Record):
    """What a task says of itself."""

    title: str
    """What is wrong, in a few words."""
    language: Language
    """Of the repository."""
    difficulty: Difficulty = "unknown"
    """As its author sees it."""
    image: str
    """A folder of `sandboxes/`, or of the pack's `images/`."""
    tags: tuple[str, ...] = ()
    """Words to find it by."""
    repository: str | None = None
    """The project it comes from, where several tasks share one (clusters in statistics)."""
    instance_id: str | None = None
    """Its id in the suite that it was imported from."""
    assurance: Assurance = "ids"
    """What a pass is worth: named tests seen to pass, or what a script said beside the code."""
    provenance: Provenance | None = None
    """The statement is from a report (A), the fix's author (B), its first line (C), a model (D)."""
    underspecified: tuple[str, ...] = ()
    """Names and texts that the tests need and neither statement nor tree tells."""
    composition: Composition | None = None
    """What runs beside its sandbox."""


class Task(TaskHead):
    """One repository-fix task. `root` holds its files; everything else is in the digest."""

    id: str
    """`<pack>/<name>`"""
    pack: str
    problem_statement: str
    tests: TestPlan
    allow: tuple[str, ...] = ()
    """Protected paths that a patch to this task may touch."""
    impossible: bool = False
    """A control whose visible tests contradict the statement: a pass is a signal, never a score."""
    private: bool = False
    """Content that may only go to backends a `[policy]` allows."""
    quarantined: tuple[str, ...] = ()
    """Test ids that proved unstable and were taken out of the plan."""
    digest: str
    """Sha256 over everything that can change a result: statement, tree, tests, plan."""
    root: Path = Field(exclude=True)
