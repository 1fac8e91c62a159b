"""One run of the hidden tests in one container: what every runner needs for it."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from typing import NamedTuple

from arena.grading.findings import ReportError
from arena.grading.names import Names, Renaming
from arena.paths import AnyPath, Mode, safe
from arena.protocols import Engine, Sandbox
from arena.records import Entry, ExecResult, File, SandboxLimits, Task
from arena.records.container import TESTER_USER, TRUSTED, WORKDIR
from arena.task.pack import hidden_files, tree_files, twin_files
from arena.task.plan_ids import by_place

REPORT_LIMIT = 16 << 20
OUTPUT_LIMIT = 4 << 20
_LOG_BYTES = 64 << 10
_CANARIES = (3, 6)
"""Least and most of a run. Every one more makes it less likely to guess which they are."""
_IN_TWINS = 2
_OWNER, _MODE = 0, 0o444
"""Of what is laid: root's, and read-only."""
CLEAN_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
}
# Whatever the tests left running is killed before the command counts as ended, so that nothing
# of theirs outlives it to write the report anew.
_SWEEP = '"$@"; code=$?; kill -s KILL -- -1 2>/dev/null; exit $code'


class OutOfTimeError(Exception):
    """The plan's time was up before the tests had ended."""


@dataclass(frozen=True)
class Bench:
    """Where a task's patches are graded."""

    engine: Engine
    image: str
    limits: SandboxLimits
    labels: Mapping[str, str]
    folder: AnyPath | None = None
    """Where `verify.log`, `junit.xml` and the patch go; nowhere when None."""
    shuffle: bool = False
    """Run the tests in a random order: shows which of them depend on it."""
    watch: Callable[[Sandbox], None] = lambda _sandbox: None
    """Shown each container when its tests have ended, just before it is killed."""

    def keep(self, name: str, data: bytes) -> None:
        """Write what is worth keeping, at the end of a log that is there."""
        if self.folder is not None:
            mode: Mode = "ab" if name.endswith(".log") else "wb"
            with (safe(self.folder) / name).open(mode) as file:
                file.write(data)


@dataclass(frozen=True)
class Job:
    """A task being graded in a container that already holds the patched tree."""

    task: Task
    sandbox: Sandbox
    bench: Bench
    names: Names
    deadline: float
    """On the clock of `time.monotonic`."""

    @cached_property
    def folder(self) -> str:
        """Trusted folder of this run: configuration, reporters, reports."""
        return f"{TRUSTED}/{self.names.token()}"

    def hidden(self) -> dict[str, File]:
        """Hidden test files by path."""
        return {file.path: file for file in hidden_files(self.task)}

    def tree(self) -> dict[str, File]:
        """Files of the starting tree by path."""
        return {file.path: file for file in tree_files(self.task)}

    def twins(self) -> dict[str, File]:
        """Files of the twins by path."""
        return {file.path: file for file in twin_files(self.task)}

    def lay(self, files: Sequence[File], reports: Sequence[str] = ()) -> None:
        """Put trusted files in their places, and the empty reports that the tests may write: those
        are anyone's to write, in a folder of root's that nothing else comes into or out of.
        """
        laid = [file.model_copy(update={"mode": _MODE | (file.mode & 0o111)}) for file in files]
        laid.sort(key=lambda file: file.path)  # not even numbers of files say what is whose
        laid += [File(path=path, data=b"", mode=0o666) for path in reports]
        self.sandbox.put(laid, owner=_OWNER)

    def around(self) -> dict[str, File]:
        """Files that may speak of a test by its name: what lies beside tests, by path."""
        hidden, tree = self.hidden(), self.tree()
        tests = (*self.task.tests.fail_to_pass, *self.task.tests.pass_to_pass)
        tops = {path.split("/")[0] for path in (*hidden, *by_place(tests))}
        beside = {path: f for path, f in tree.items() if path.split("/")[0] in {path, *tops}}
        return beside | hidden

    def tell(self, names: Mapping[str, str]) -> None:
        """Write into the log what the tests are called in this run."""
        changed = [f"{new} is {old}\n" for old, new in names.items() if old != new]
        self.bench.keep("verify.log", "".join(changed).encode("utf-8", "surrogateescape"))

    def report(self, suffix: str) -> str:
        """A path for a report, under a name of this run."""
        return f"{self.folder}/{self.names.token()}{suffix}"

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        cwd: str = WORKDIR,
        user: str = TESTER_USER,
        stdin: bytes = b"",
        own_env: bool = False,
    ) -> ExecResult:
        """Run a command over the candidate's code, with what is left of the time, in a clean
        environment with `env`, or with `own_env` in that of the image. Raises `OutOfTimeError`
        where it did not end; no runner catches it.
        """
        result = self.sandbox.exec(
            ["sh", "-c", _SWEEP, "sh", *argv],
            timeout_s=max(self.deadline - time.monotonic(), 0.1),
            output_limit=OUTPUT_LIMIT,
            cwd=cwd,
            env=None if own_env else {**CLEAN_ENV, **env},
            user=user,
            stdin=stdin,
        )
        self.bench.keep("verify.log", _log(argv, result))
        if result.ended == "timeout":
            raise OutOfTimeError
        return result

    def finish(self) -> None:
        """End every process; after it the reports stand still."""
        self.bench.watch(self.sandbox)
        self.sandbox.kill()

    def read(self, path: str) -> bytes:
        """The report that the tests left at a path; raises `ReportError` as `content`."""
        return content(self.sandbox.get(path, limit=REPORT_LIMIT))


class Part(NamedTuple):
    """One test file as it is graded in this run."""

    file: File
    ids: dict[str, str]
    """Id in this run to the plan's, of all that must pass."""
    must_fail: list[str]
    """Ids in this run of canaries and twins."""


Rename = Callable[[File, Sequence[str], Renaming], tuple[File, dict[str, str]]]
"""Gives a file and the tests with some ids names of the run; ids of the plan with the new ones."""
Plant = Callable[[File, Sequence[Sequence[str]], Renaming], tuple[File, list[str]]]
"""Puts a canary into a file for each group of ids, made after one of these; the canaries' ids."""


def parts_of(job: Job, rename: Rename, plant: Plant) -> tuple[list[Part], list[File]]:
    """Test files with canaries at random places, and twins between the files, in the order in which
    they are run; and the other hidden files.
    """
    plan, rng, hidden, twins = job.task.tests, job.names.rng, job.hidden(), job.twins()
    tree, renaming = job.tree(), Renaming(job.names, job.around(), twins)
    targets = by_place(plan.fail_to_pass)
    drawn = cycle(rng.sample(list(targets), len(targets)))
    most = rng.randint(*_CANARIES)
    counts = Counter(islice(drawn, most))
    parts: list[Part] = []
    for path, ids in sorted(by_place((*plan.fail_to_pass, *plan.pass_to_pass)).items()):
        file, new = hidden.pop(path, None) or tree[path], {test_id: test_id for test_id in ids}
        if path in targets:
            file, new = rename(file, ids, renaming)
        pools = [[new[test_id] for test_id in targets.get(path, [])], *[[*new.values()]] * most]
        file, failing = plant(file, pools[: counts[path]], renaming)
        parts.append(Part(file, {changed: test_id for test_id, changed in new.items()}, failing))
    for path, ids in by_place(job.task.tests.must_fail).items():
        file, new = rename(twins.pop(path), ids, renaming)
        failing = [*new.values()]
        file, planted = plant(file, [failing] * rng.randint(0, _IN_TWINS), renaming)
        failing += planted
        parts.insert(rng.randint(0, len(parts)), Part(file, {}, failing))
    if job.bench.shuffle:
        rng.shuffle(parts)
    return parts, [*hidden.values(), *twins.values()]


def content(entry: Entry, place: str = "") -> bytes:
    """What a report holds. Raises `ReportError` where it is no file, empty or too large."""
    at = f" at {place}" if place else ""
    if entry.too_large:
        raise ReportError(f"the report{at} is larger than {REPORT_LIMIT:,} bytes")
    if entry.kind != "file" or not entry.data:
        raise ReportError(f"there is no report{at}")
    return entry.data


def _log(argv: Sequence[str], result: ExecResult) -> bytes:
    head = f"$ {' '.join(argv)}\n".encode()
    tail = f"[{result.ended}, exit code {result.exit_code}, {result.wall_s:.2f} s]\n".encode()
    return head + _short(result.stdout) + _short(result.stderr) + b"\n" + tail


def _short(data: bytes) -> bytes:
    """Head and tail of an output that nobody would read whole."""
    if len(data) <= 2 * _LOG_BYTES:
        return data
    left_out = f"\n[{len(data) - 2 * _LOG_BYTES:,} bytes left out]\n".encode()
    return data[:_LOG_BYTES] + left_out + data[-_LOG_BYTES:]
