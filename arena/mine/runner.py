"""One run of a repository's tests in a fresh container: every test's outcome, and why it failed.

Nothing here is a verdict: the candidates of mining do not attack their grader, and what comes out
is graded again by the verification of a run before it becomes a task.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, ValidationError

from arena.mine.plugin import PLUGIN, SOURCE
from arena.protocols import Engine
from arena.records import File, Record, SandboxLimits, TestOutcome

_OWNER = "10001:10001"
_TESTER_ID = 10002
_REPORT_LIMIT = 32 << 20
_APPLY = ("git", "apply", "--whitespace=nowarn", "-")
_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONSAFEPATH": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


class Tree(Record):
    """What a run stands on."""

    image: str
    patch: str = ""
    """Applied first."""
    hidden: tuple[File, ...] = ()
    """Laid over the tree after it."""
    src: bool = False
    """Packages lie below `src/`."""


class How(Record):
    """How a repository's tests are run."""

    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """More arguments that a person gave."""
    test_seconds: float = 10.0
    """Longest a single test may take."""


class Seen(Record):
    """How one test ended."""

    outcome: TestOutcome
    error: str = ""
    """Type of the exception, where one ended it."""


class Session(Record):
    """How one run ended."""

    ended: Literal["complete", "timeout", "not_applied", "broken"]
    detail: str = ""
    tests: dict[str, Seen] = Field(default_factory=dict)
    uncollected: dict[str, str] = Field(default_factory=dict)
    """Files that could not be collected, with the type of the error."""
    wall_s: float = 0.0


class _Line(Record):
    id: str
    when: Literal["setup", "call", "teardown", "collect"]
    outcome: Literal["passed", "failed", "skipped"]
    error: str = ""


def run_tests(
    engine: Engine,
    tree: Tree,
    how: How,
    places: Sequence[str],
    *,
    timeout_s: float,
    seed: str | None = None,
    labels: Mapping[str, str],
) -> Session:
    """Run tests once.

    Args:
        engine: where.
        tree: what to run on.
        how: how.
        places: files or ids; all that pytest finds when empty.
        timeout_s: for all of them together.
        seed: shuffles the order; that of the files when None.
        labels: put on the container.
    """
    folder = f"/opt/{secrets.token_hex(8)}"
    report = f"{folder}/report.jsonl"
    limits = SandboxLimits(memory_mb=2048, cpus=2)
    with engine.open(
        tree.image, limits=limits, labels=labels, user=f"{_TESTER_ID}:{_TESTER_ID}"
    ) as box:
        if tree.patch:
            patch = tree.patch.encode("utf-8", "surrogateescape")
            done = box.exec(_APPLY, timeout_s=60, env=_ENV, user=_OWNER, stdin=patch)
            if done.exit_code != 0:
                return Session(ended="not_applied", detail=done.text.strip()[:200])
        trusted = [File(path=f"{folder}/{PLUGIN}.py", data=SOURCE.encode())]
        trusted.append(File(path=f"{folder}/pytest.ini", data=b"[pytest]\n"))
        box.put([*tree.hidden, *trusted])
        box.put([File(path=report, data=b"")], owner=_TESTER_ID)
        env = {
            **_ENV,
            "PYTHONPATH": f"{'/repo/src' if tree.src else '/repo'}:{folder}",
            "ARENA_REPORT": report,
            "ARENA_TEST_SECONDS": str(how.test_seconds),
            **({"ARENA_SEED": seed} if seed else {}),
        }
        done = box.exec(_argv(how, folder, places), timeout_s=timeout_s, env=env)
        box.kill()
        data = box.get(report, limit=_REPORT_LIMIT).data
    tests, uncollected = _read(data)
    if done.ended != "exited":
        return Session(ended="timeout", tests=tests, wall_s=done.wall_s)
    broken = done.exit_code in {3, 4} or not (tests or uncollected)
    return Session(
        ended="broken" if broken else "complete",
        detail=done.text[-300:] if broken else "",
        tests=tests,
        uncollected=uncollected,
        wall_s=done.wall_s,
    )


def _argv(how: How, folder: str, places: Sequence[str]) -> list[str]:
    return [
        *("python3", "-P", "-m", "pytest", "-q", "--tb=line", "--color=no"),
        *("-c", f"{folder}/pytest.ini", "--rootdir=/repo", "--confcutdir=/repo"),
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", PLUGIN),
        "--continue-on-collection-errors",
        *(word for name in how.plugins for word in ("-p", name)),
        *(word for line in how.options for word in ("-o", line)),
        *how.arguments,
        *(places or ["/repo"]),
    ]


def _read(data: bytes) -> tuple[dict[str, Seen], dict[str, str]]:
    """Outcomes of tests from the plugin's lines; a torn last line is passed over."""
    tests: dict[str, Seen] = {}
    uncollected: dict[str, str] = {}
    for text in data.split(b"\n"):
        try:
            line = _Line.model_validate(json.loads(text))
        except (ValueError, ValidationError):
            continue
        if line.when == "collect":
            uncollected[line.id] = line.error
        elif line.outcome == "failed":
            worse: TestOutcome = "failed" if line.when == "call" else "error"
            tests[line.id] = Seen(outcome=worse, error=line.error)
        elif line.outcome == "skipped" or (line.when == "call" and line.id not in tests):
            tests[line.id] = Seen(outcome=line.outcome)
    return tests, uncollected
