"""What mining knows of a language, and one run of a repository's tests in a fresh container.

Nothing here is a verdict: the candidates of mining do not attack their grader, and what comes out
is graded again by the verification of a run before it becomes a task.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from arena.protocols import Engine, Sandbox
from arena.records import (
    File,
    Language,
    Record,
    ReportForm,
    SandboxLimits,
    Task,
    TestOutcome,
    TestPlan,
)
from arena.records.container import AGENT_USER, TESTER_USER
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.serialize import read_record, to_toml
from arena.task.files import write_files
from arena.task.mining.projects import Project

LATE = "TestTimeLimit"
"""The error of a test that took too long."""
ANYWHERE = "*"
"""Among places that could not be collected: every one that is not told of."""

_APPLY = ("git", "apply", "--whitespace=nowarn", "-")
_APPLY_SECONDS = 60.0
_LIMITS = SandboxLimits(memory_mb=2048, cpus=2)
_RECORD = "environment.json"
_PLACEHOLDER = TestPlan(runner="script", fail_to_pass=("any",))

Say = Callable[[str], None]


# ── what is installed beside a repository ──────────────────────────────────────────────────────


class Environment(Record):
    """What is installed beside a repository."""

    image: str
    """Folder below the pack's `images/`, or the shipped image itself."""
    plugins: tuple[str, ...] = ()
    """Plugins of pytest that were found among the packages."""
    left_out: tuple[str, ...] = ()
    """Requirements that cannot be had."""


def made_before(pack: Path, image: str) -> Environment | None:
    """The environment that a pack has already."""
    record = pack / "images" / image / _RECORD
    return read_record(record, Environment) if record.is_file() else None


def keep(
    pack: Path, made: Environment, language: Language, project: Project, files: Sequence[File]
) -> None:
    """Write the folder of an environment's image, which stands on the language's shipped one."""
    described = f"what {project.name or made.image} and its tests need"
    record = File(path=_RECORD, data=made.model_dump_json(indent=1).encode())
    base = {"python": "python", "javascript": "node"}[language]
    write_image(pack, made.image, [*files, record], language, described, base=base)


def write_image(
    pack: Path,
    name: str,
    files: Sequence[File],
    language: Language,
    about: str,
    *,
    base: str | None = None,
    pull: str | None = None,
) -> None:
    """Write the folder of an image that stands on a shipped one, or on one of a registry."""
    settings = {"language": language, "description": about, "base": base, "pull": pull}
    toml = File(path="sandbox.toml", data=to_toml(settings).encode())
    write_files(pack / "images" / name, [*files, toml])


def image_of(
    engine: DockerEngine, root: Path, language: Language, image: str, tree: Sequence[File]
) -> str:
    """The id of the image of a task that is not written yet.

    Args:
        engine: where it is made.
        root: folder that the task will have in its pack.
        language: of the task.
        image: what it stands on.
        tree: its files.

    Raises:
        InputError: it cannot be built.
    """
    task = Task(
        id=f"{root.parent.name}/{root.name}",
        pack=root.parent.name,
        title=root.name,
        language=language,
        image=image,
        problem_statement="",
        tests=_PLACEHOLDER,
        digest="",
        root=root,
    )
    return Images(engine, lambda _: tuple(tree)).ensure([task])[task.id].id


# ── one run ────────────────────────────────────────────────────────────────────────────────────


class RepositoryTree(Record):
    """What a run stands on."""

    image: str
    patch: str = ""
    """Applied first."""
    hidden: tuple[File, ...] = ()
    """Laid over the tree after it."""
    src: bool = False
    """Packages lie below `src/`."""


def has_src(tree: Sequence[File]) -> bool:
    """Whether packages lie below `src/`."""
    return any(file.path.startswith("src/") for file in tree)


class TestCommand(Record):
    """A shell command that runs a repository's tests, and the report that it leaves."""

    __test__: ClassVar[bool] = False  # its name makes pytest think it is a test

    script: str
    """`{files}` stands for the test files to run."""
    report: ReportForm
    report_files: tuple[str, ...] = ()
    """Globs of the files that hold it; what the command prints when empty."""


class TestRunOptions(Record):
    """How a repository's tests are run; the settings are pytest's."""

    __test__: ClassVar[bool] = False

    command: TestCommand | None = None
    """Runs them instead of a runner that is known here."""

    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """More arguments that a person gave."""
    test_seconds: float = 10.0
    """Longest a single test may take."""


class SeenTest(Record):
    """How one test ended."""

    outcome: TestOutcome
    error: str = ""
    """Type of the exception, where one ended it."""


class MiningSession(Record):
    """How one run ended."""

    ended: Literal["complete", "timeout", "not_applied", "broken"]
    detail: str = ""
    tests: dict[str, SeenTest] = Field(default_factory=dict)
    uncollected: dict[str, str] = Field(default_factory=dict)
    """Files that could not be collected, with the type of the error."""
    wall_s: float = 0.0

    def passed(self, name: str) -> bool:
        """Whether a test was run and passed."""
        return name in self.tests and self.tests[name].outcome == "passed"


@dataclass(frozen=True)
class RepositoryRun:
    """A run that is asked for."""

    engine: Engine
    tree: RepositoryTree
    how: TestRunOptions
    timeout_s: float
    """For all tests together."""
    labels: Mapping[str, str]
    """Put on the container."""
    places: Sequence[str] = ()
    """Where the tests stand (files; for Go folders); all that there are when empty."""
    seed: str | None = None
    """Shuffles the order; that of the files when None."""

    def opened(self) -> AbstractContextManager[Sandbox]:
        """A fresh container of the tree."""
        image = self.tree.image
        return self.engine.open(image, limits=_LIMITS, labels=self.labels, user=TESTER_USER)

    def lay(self, box: Sandbox) -> MiningSession | None:
        """Apply the patch and lay the hidden tests over it; a session only where that fails."""
        if self.tree.patch:
            patch = self.tree.patch.encode("utf-8", "surrogateescape")
            done = box.exec(_APPLY, timeout_s=_APPLY_SECONDS, user=AGENT_USER, stdin=patch)
            if done.exit_code != 0:
                return MiningSession(ended="not_applied", detail=done.text.strip()[:200])
        box.put(self.tree.hidden)
        return None

    def shuffle(self, names: list[str], salt: str = "") -> None:
        """Bring names into the order of the seed, where there is one."""
        if self.seed:
            random.Random(self.seed + salt).shuffle(names)

    def each(
        self,
        find: Callable[[Sandbox], list[str]],
        one: Callable[[Sandbox, str, float], tuple[dict[str, SeenTest], str]],
    ) -> MiningSession:
        """Run the tests place by place.

        Args:
            find: all places that have tests.
            one: the tests of a place, or the error for which it has none, within some seconds.
        """
        started = time.monotonic()
        tests: dict[str, SeenTest] = {}
        uncollected: dict[str, str] = {}
        ended: Literal["complete", "timeout", "broken"] = "complete"
        with self.opened() as box:
            if failed := self.lay(box):
                return failed
            places = list(self.places) or find(box)
            self.shuffle(places)
            for place in places:
                left_s = started + self.timeout_s - time.monotonic()
                if left_s <= 0:
                    ended = "timeout"
                    break
                seen, error = one(box, place, left_s)
                tests.update(seen)
                if error:
                    uncollected[place] = error
        return MiningSession(
            ended=ended if places else "broken",
            detail="" if places else "there is no test",
            tests=tests,
            uncollected=uncollected,
            wall_s=time.monotonic() - started,
        )


# ── a language ─────────────────────────────────────────────────────────────────────────────────

MakeEnvironment = Callable[[Path, str, Project, Sequence[str], Say], Environment]
"""Resolves what a project needs and writes an image's folder, if it is not there already.

Takes the pack's folder, the image's name, the project, requirements a person adds (they win over
the inferred ones), and who is told what is left out. Raises `InputError` where what a person asked
for cannot be had.
"""


@dataclass(frozen=True)
class LanguageSupport:
    """What mining needs to know of a language: how its tests are named, run and provided for."""

    language: Language
    runner: str
    manifests: tuple[str, ...]
    """Files at the top of a repository in this language."""
    suffixes: tuple[str, ...]
    read: Callable[[Sequence[File]], Project]
    """What a tree says of itself."""
    make: MakeEnvironment
    run: Callable[[RepositoryRun], MiningSession]
    run_seconds: float
    """Longest that one run may take."""
    is_test: Callable[[File], bool]
    place: Callable[[str], str]
    """Where the tests of a file stand, as ids begin."""
    refuses: Callable[[Sequence[File], Sequence[File]], str] = lambda _tree, _hidden: ""
    """What else keeps the hidden tests of a tree from being run; empty where nothing does."""
    command: TestCommand | None = None
    """What runs the tests where runner is `command`."""

    def refusal(self, tree: Sequence[File], hidden: Sequence[File]) -> str:
        """Why the hidden tests of a tree cannot be run; empty where they can."""
        there = any(map(self.is_test, hidden))
        return self.refuses(tree, hidden) or ("" if there else "no test file is left by it")
