"""A firing range: toy repositories on the real engine, and agents that are scripts."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from arena.grading.job import Bench
from arena.grading.verify import verify
from arena.records import ExecResult, File, SandboxLimits, Task, TestPlan, Verification
from arena.records.container import AGENT_USER, TESTER_USER
from arena.sandbox.container import DockerSandbox
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.task import pack
from arena.task.diff import Remains, capture

collect_ignore = ["toys"]
TOYS = Path(__file__).parent / "toys"
LABELS = {"arena.test": f"integrity-{os.getpid()}"}
LIMITS = SandboxLimits(memory_mb=256, pids=64, disk_mb=64, tmp_mb=64, file_mb=64)


@dataclass
class Range:
    """One toy task, its image, and somewhere to attack it."""

    engine: DockerEngine
    task: Task
    image: str
    folder: Path
    shots: list[ExecResult] = field(default_factory=list)
    """Results of the agent's commands in the last attack."""
    patch: str = ""
    """What the last attack's container yielded."""

    @property
    def gold(self) -> str:
        gold = pack.gold_patch(self.task)
        assert gold is not None
        return gold

    def bench(self, engine=None) -> Bench:
        return Bench(engine or self.engine, self.image, LIMITS, LABELS, self.folder)

    def grade(self, patch: str, *, strict: bool = False, **how) -> Verification:
        return verify(self.task, patch, self.bench(**how), strict=strict)

    def fresh(self) -> AbstractContextManager[DockerSandbox]:
        return self.engine.open(self.image, limits=LIMITS, labels=LABELS, user=TESTER_USER)

    @contextmanager
    def agent(self, files: dict[str, str], *scripts: str) -> Iterator[DockerSandbox]:
        """A container in which an agent wrote files and ran scripts; killed when it is given."""
        with self.engine.open(self.image, limits=LIMITS, labels=LABELS, user=AGENT_USER) as sandbox:
            sandbox.put(
                [File(path=p, data=text.encode()) for p, text in files.items()], owner=10001
            )
            self.shots = [sandbox.exec(["bash", "-c", script], timeout_s=30) for script in scripts]
            sandbox.kill()
            yield sandbox

    def attack(
        self,
        files: dict[str, str] | None = None,
        *scripts: str,
        strict: bool = False,
        wrap=lambda sandbox: sandbox,
        **how,
    ) -> Verification:
        """Let an agent work, take its patch, and grade it: the way a trial goes."""
        with self.agent(files or {}, *scripts) as sandbox, self.fresh() as fresh:
            self.patch = capture(Remains(sandbox), fresh, binaries=False)
            bench = self.bench(**how)
            return verify(self.task, self.patch, bench, strict=strict, fresh=wrap(fresh))

    def having(self, **change) -> "Range":
        """The same range with a task that differs in some fields."""
        task = self.task.model_copy(update=change)
        return Range(self.engine, task, self.image, self.folder)

    def within(self, seconds: float) -> "Range":
        return self.having(tests=self.task.tests.model_copy(update={"timeout_s": seconds}))


@pytest.fixture(scope="session")
def toys() -> Path:
    return TOYS


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    with DockerEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def images(engine) -> dict[str, tuple[Task, str]]:
    tasks = pack.load(str(TOYS), base=TOYS)
    made = Images(engine, pack.tree_files).ensure(tasks)
    return {task.id.partition("/")[2]: (task, made[task.id].id) for task in tasks}


@pytest.fixture
def toy(engine, images, tmp_path):
    """Makes the range of a toy."""

    def make(name: str) -> Range:
        task, image = images[name]
        return Range(engine, task, image, tmp_path)

    return make


@pytest.fixture
def python(toy) -> Range:
    made: Range = toy("python")
    return made


@pytest.fixture
def unit(python) -> Range:
    """The Python toy with hidden tests in the manner of unittest."""
    plan = TestPlan(
        runner="pytest",
        fail_to_pass=(
            "tests/test_rest_unit.py::TestRest::test_half_of_odd",
            "tests/test_rest_unit.py::TestRest::test_shares_with_rest",
        ),
        pass_to_pass=python.task.tests.pass_to_pass,
        must_fail=("tests/test_rest_unit_twin.py::TestTwin::test_half_of_odd",),
        timeout_s=60,
    )
    made: Range = python.having(tests=plan)
    return made


@pytest.fixture
def running(engine):
    """Counts the suite's containers that run just now."""
    worker = f"arena.test={LABELS['arena.test']}"

    def count() -> int:
        with engine.connection.guard():
            return len(engine.connection.raw.containers(filters={"label": worker}))

    return count
