"""One run of a repository's tests in a fresh container: what is the same for every language.

Nothing here is a verdict: the candidates of mining do not attack their grader, and what comes out
is graded again by the verification of a run before it becomes a task.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from arena.protocols import Engine, Sandbox
from arena.records import File, Language, Record, SandboxLimits, TestOutcome
from arena.records.container import AGENT_USER, TESTER_USER
from arena.task.mining.environment import Environment, Say
from arena.task.mining.projects import Project

LATE = "TestTimeLimit"
"""The error of a test that took too long."""

_APPLY = ("git", "apply", "--whitespace=nowarn", "-")
_APPLY_SECONDS = 60.0
_LIMITS = SandboxLimits(memory_mb=2048, cpus=2)


class RepositoryTree(Record):
    """What a run stands on."""

    image: str
    patch: str = ""
    """Applied first."""
    hidden: tuple[File, ...] = ()
    """Laid over the tree after it."""
    src: bool = False
    """Packages lie below `src/`."""


class TestRunOptions(Record):
    """How a repository's tests are run; the settings are pytest's."""

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


class RunTests(Protocol):
    """Runs tests once."""

    def __call__(
        self,
        engine: Engine,
        tree: RepositoryTree,
        how: TestRunOptions,
        places: Sequence[str],
        *,
        timeout_s: float,
        seed: str | None = None,
        labels: Mapping[str, str],
    ) -> MiningSession:
        """Run tests once.

        Args:
            engine: where.
            tree: what to run on.
            how: how.
            places: where the tests stand (files; for Go folders); all that there are when empty.
            timeout_s: for all of them together.
            seed: shuffles the order; that of the files when None.
            labels: put on the container.
        """
        ...


class Make(Protocol):
    """Makes the image that candidates run in; kept if it is there already."""

    def __call__(
        self, pack: Path, image: str, project: Project, install: Sequence[str], say: Say
    ) -> Environment:
        """Resolve what a project needs and write the image's folder.

        Args:
            pack: the pack's folder.
            image: name of the image.
            project: what the repository says of itself.
            install: requirements a person adds; they win over the inferred ones.
            say: told what is left out.

        Raises:
            InputError: what a person asked for cannot be had.
        """
        ...


@dataclass(frozen=True)
class LanguageKit:
    """What mining needs to know of a language: how its tests are named, run and provided for."""

    language: Language
    runner: str
    manifests: tuple[str, ...]
    """Files at the top of a repository in this language."""
    suffixes: tuple[str, ...]
    read: Callable[[Sequence[File]], Project]
    """What a tree says of itself."""
    make: Make
    run: RunTests
    run_seconds: float
    """Longest that one run may take."""
    is_test: Callable[[File], bool]
    place: Callable[[str], str]
    """Where the tests of a file stand, as ids begin."""
    refuses: Callable[[Sequence[File], Sequence[File]], str]
    """Why the hidden tests of a tree cannot be run; empty where they can."""


def opened(
    engine: Engine, tree: RepositoryTree, labels: Mapping[str, str]
) -> AbstractContextManager[Sandbox]:
    """A fresh container of the tree."""
    return engine.open(tree.image, limits=_LIMITS, labels=labels, user=TESTER_USER)


def lay(box: Sandbox, tree: RepositoryTree) -> MiningSession | None:
    """Apply the patch and lay the hidden tests over it; a session only where that fails."""
    if tree.patch:
        patch = tree.patch.encode("utf-8", "surrogateescape")
        done = box.exec(_APPLY, timeout_s=_APPLY_SECONDS, user=AGENT_USER, stdin=patch)
        if done.exit_code != 0:
            return MiningSession(ended="not_applied", detail=done.text.strip()[:200])
    box.put(tree.hidden)
    return None
