"""What mining is asked and knows of a language; one run of tests in a fresh container.

Nothing here is a verdict: what comes out is verified as in a run before it becomes a task.
"""

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from arena.paths import SafePath
from arena.protocols import Engine, Sandbox
from arena.records import (
    BackendSpec,
    Composition,
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
from arena.sandbox.image.packages import NoPackageError
from arena.sandbox.image.store import Image
from arena.serialize import read_record, to_toml
from arena.task.files import write_files
from arena.task.formats.predictions import slug
from arena.task.mining.history import Commit, GitHistory
from arena.task.mining.projects import Project, normal_name
from arena.task.mining.statement import CandidateFix, Issue

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
Ended = Literal["complete", "timeout", "not_applied", "broken"]


# ── what is installed beside a repository ──────────────────────────────────────────────────────


class Environment(Record):
    """What is installed beside a repository."""

    image: str
    """Folder below the pack's `images/`, or the shipped image itself."""
    plugins: tuple[str, ...] = ()
    """Plugins of pytest that were found among the packages."""
    left_out: tuple[str, ...] = ()
    """Requirements that cannot be had."""


Pin = Callable[[Project, Sequence[str]], tuple[Sequence[File], tuple[str, ...]]]
"""The files that pin requirements for a project, and plugins of pytest among them."""


def make_environment(
    language: Language,
    pin: Pin,
    pack: Path,
    image: str,
    project: Project,
    install: Sequence[str],
    say: Say,
) -> Environment:
    """As `LanguageSupport.make`, from registries; the shipped image where nothing is needed."""
    base = {"python": "python", "javascript": "node", "go": "go"}[language]
    record = SafePath(pack) / "images" / image / _RECORD
    if record.is_file():
        return read_record(record, Environment)
    if not (install or project.requirements):
        return Environment(image=base)
    wanted, left_out = list(project.requirements), list[str]()
    while True:
        try:
            files, plugins = pin(project, [*wanted, *install])
            break
        except NoPackageError as error:
            kept = [one for one in wanted if _package(one) != _package(error.name)]
            if len(kept) == len(wanted):
                raise
            say(f"left out: no package {error.name}")
            left_out.append(error.name)
            wanted = kept
    made = Environment(image=image, plugins=plugins, left_out=tuple(left_out))
    told = File(path=_RECORD, data=made.model_dump_json(indent=1).encode())
    about = f"what {project.name or image} and its tests need"
    write_image(pack, image, [*files, told], language, about, base=base)
    return made


def _package(requirement: str) -> str:
    """Its name, however it is written."""
    match = re.match(r"@?[\w./-]+", requirement)
    return normal_name(match[0]) if match else ""


def write_image(
    pack: Path,
    name: str,
    files: Sequence[File],
    language: Language,
    about: str,
    *,
    base: str | None = None,
    pull: str | None = None,
    serves: bool = False,
) -> None:
    """Write the folder of an image that stands on a shipped one, or on one of a registry."""
    settings = {"language": language, "description": about, "base": base, "pull": pull}
    toml = File(path="sandbox.toml", data=to_toml({**settings, "serves": serves or None}).encode())
    write_files(SafePath(pack) / "images" / name, [*files, toml])


def image_of(
    engine: DockerEngine,
    root: Path,
    language: Language,
    image: str,
    tree: Sequence[File],
    composition: Composition | None = None,
) -> Image:
    """The image of a task that will be written to `root`. Raises `InputError` as a build does."""
    pack = slug(root.parent.name)
    task = Task(
        id=f"{pack}/{root.name}",
        pack=pack,
        title=root.name,
        language=language,
        image=image,
        composition=composition,
        problem_statement="",
        tests=_PLACEHOLDER,
        digest="",
        root=root,
    )
    return Images(engine, lambda _: tuple(tree)).ensure([task])[task.id]


# ── one run ────────────────────────────────────────────────────────────────────────────────────


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

    ended: Ended
    detail: str = ""
    tests: dict[str, SeenTest] = Field(default_factory=dict)
    uncollected: dict[str, str] = Field(default_factory=dict)
    """Files that could not be collected, with the type of the error."""
    wall_s: float = 0.0

    def outcome(self, name: str) -> TestOutcome:
        """How a test ended."""
        return self.tests[name].outcome if name in self.tests else "missing"

    def passed(self, name: str) -> bool:
        """Whether a test was run and passed."""
        return self.outcome(name) == "passed"


@dataclass(frozen=True)
class RepositoryRun:
    """A run that is asked for."""

    engine: Engine
    image: str
    how: TestRunOptions
    timeout_s: float
    """For all tests together."""
    labels: Mapping[str, str]
    """Put on the container."""
    fix: CandidateFix
    """Its tests are laid over the tree."""
    fixed: bool = False
    """Whether the tree is patched first."""
    places: Sequence[str] = ()
    """Where the tests stand (files; for Go folders); all that there are when empty."""
    seed: str | None = None
    """Shuffles the order; that of the files when None."""

    def session(self, look: Callable[[Sandbox], MiningSession]) -> MiningSession:
        """What is seen in a fresh container, once tree and tests are laid out in it."""
        engine, labels = self.engine, self.labels
        with engine.open(self.image, limits=_LIMITS, labels=labels, user=TESTER_USER) as box:
            if self.fixed and self.fix.gold:
                patch = self.fix.gold.encode("utf-8", "surrogateescape")
                done = box.exec(_APPLY, timeout_s=_APPLY_SECONDS, user=AGENT_USER, stdin=patch)
                if done.exit_code != 0:
                    return MiningSession(ended="not_applied", detail=done.text.strip()[:200])
            box.put(self.fix.hidden)
            started = time.monotonic()
            seen = look(box)
            return seen.model_copy(update={"wall_s": time.monotonic() - started})

    def shuffle(self, names: list[str], salt: str = "") -> None:
        """Bring names into the order of the seed, where there is one."""
        if self.seed:
            random.Random(self.seed + salt).shuffle(names)

    def each(
        self,
        found: Sequence[str],
        one: Callable[[Sandbox, str, float], tuple[dict[str, SeenTest], str]],
    ) -> MiningSession:
        """Run the tests place by place, of all that were found where none are named.

        `one` gives the tests of a place, or the error for which it has none, within some seconds.
        """

        def look(box: Sandbox) -> MiningSession:
            deadline = time.monotonic() + self.timeout_s
            tests, uncollected = dict[str, SeenTest](), dict[str, str]()
            places = list(self.places or found)
            if not places:
                return MiningSession(ended="broken", detail="there is no test")
            self.shuffle(places)
            for place in places:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return MiningSession(ended="timeout", tests=tests, uncollected=uncollected)
                seen, error = one(box, place, left_s)
                tests.update(seen)
                if error:
                    uncollected[place] = error
            return MiningSession(ended="complete", tests=tests, uncollected=uncollected)

        return self.session(look)


# ── a language ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class LanguageSupport:
    """What mining needs to know of a language: how its tests are named, run and provided for."""

    language: Language
    runner: str
    read: Callable[[Sequence[File]], Project]
    """What a tree says of itself."""
    make: Callable[[Path, str, Project, Sequence[str], Say], Environment]
    """Writes an image's folder, if it is not there already: takes pack, name of the image, project,
    requirements of a person, which win over the inferred ones, and who is told what is left out.
    Raises `InputError` where what a person asked for cannot be had."""
    run: Callable[[RepositoryRun], MiningSession]
    run_seconds: float
    """Longest that one run may take."""
    is_test: Callable[[File], bool]
    manifests: tuple[str, ...] = ()
    """Files at the top of a repository in this language."""
    suffixes: tuple[str, ...] = ()
    place: Callable[[str], str] = str
    """Where the tests of a file stand, as ids begin."""
    refuses: Callable[[Sequence[File], Sequence[File]], str] = lambda _tree, _hidden: ""
    """What else keeps the hidden tests of a tree from being run; empty where nothing does."""
    command: TestCommand | None = None
    """What runs the tests where runner is `command`."""

    def refusal(self, tree: Sequence[File], hidden: Sequence[File]) -> str:
        """Why the hidden tests of a tree cannot be run; empty where they can."""
        there = any(map(self.is_test, hidden))
        return self.refuses(tree, hidden) or ("" if there else "no test file is left by it")


# ── what is mined ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class MiningRequest:
    """What to mine."""

    repo: Path
    out: Path
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    """Most candidates to try, newest first."""
    paths: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """For pytest."""
    command: LanguageSupport | None = None
    """A team's own command and image, instead of what the repository's files say."""
    issues: Mapping[str, Issue] = field(default_factory=dict)
    keep_underspecified: bool = False
    """Keep candidates whose tests need what their statement does not tell, marked as such."""
    rewrite: BackendSpec | None = None
    """Says each statement in other words."""
    rewrite_usd: Decimal | None = None
    """Most that rewriting may cost; no limit when None."""
    jobs: int = 2


@dataclass(frozen=True)
class Subproject:
    """One project of a repository, and the steps of the history that concern it."""

    name: str
    """By itself, else that of the clone's folder."""
    folder: str
    """Below what is mined, with `/` at its end; empty at its top."""
    support: LanguageSupport
    project: Project
    history: GitHistory
    steps: Sequence[Commit]
