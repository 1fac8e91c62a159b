"""Runs a repository's tests with pytest: every test's outcome, and why it failed."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from arena.grading.job import CLEAN_ENV
from arena.grading.pytest_runner import PYTEST_ENV
from arena.mine import environment
from arena.mine.paths import is_python_test
from arena.mine.plugin import PLUGIN, SOURCE
from arena.mine.project import read_project
from arena.mine.runner import How, Kit, Seen, Session, Tree, lay, opened
from arena.protocols import Engine
from arena.records import File, Record, TestOutcome
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.serialize import json_lines

_REPORT_LIMIT = 32 << 20


class _Line(Record):
    id: str
    when: Literal["setup", "call", "teardown", "collect"]
    outcome: Literal["passed", "failed", "skipped"]
    error: str = ""


def run_pytest(
    engine: Engine,
    tree: Tree,
    how: How,
    places: Sequence[str],
    *,
    timeout_s: float,
    seed: str | None = None,
    labels: Mapping[str, str],
) -> Session:
    """As `RunTests`."""
    folder = f"{TRUSTED}/{secrets.token_hex(8)}"
    report = f"{folder}/report.jsonl"
    with opened(engine, tree, labels) as box:
        if failed := lay(box, tree):
            return failed
        trusted = [File(path=f"{folder}/{PLUGIN}.py", data=SOURCE.encode())]
        trusted.append(File(path=f"{folder}/pytest.ini", data=b"[pytest]\n"))
        box.put(trusted)
        box.put([File(path=report, data=b"")], owner=TESTER_UID)
        env = {
            **CLEAN_ENV,
            **PYTEST_ENV,
            "PYTHONPATH": f"{WORKDIR}{'/src' if tree.src else ''}:{folder}",
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
        *("-c", f"{folder}/pytest.ini", f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}"),
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", PLUGIN),
        "--continue-on-collection-errors",
        *(word for name in how.plugins for word in ("-p", name)),
        *(word for line in how.options for word in ("-o", line)),
        *how.arguments,
        *(places or [WORKDIR]),
    ]


def _read(data: bytes) -> tuple[dict[str, Seen], dict[str, str]]:
    """Outcomes of tests from the plugin's lines; a torn last line is passed over."""
    tests: dict[str, Seen] = {}
    uncollected: dict[str, str] = {}
    for _, told in json_lines(data.split(b"\n"), broken=None):
        try:
            line = _Line.model_validate(told)
        except ValidationError:
            continue
        if line.when == "collect":
            uncollected[line.id] = line.error
        elif line.outcome == "failed":
            worse: TestOutcome = "failed" if line.when == "call" else "error"
            tests[line.id] = Seen(outcome=worse, error=line.error)
        elif line.outcome == "skipped" or (line.when == "call" and line.id not in tests):
            tests[line.id] = Seen(outcome=line.outcome)
    return tests, uncollected


def _refuses(_tree: Sequence[File], hidden: Sequence[File]) -> str:
    there = any(is_python_test(file.path) for file in hidden)
    return "" if there else "no test file of Python is left by it"


KIT = Kit(
    language="python",
    runner="pytest",
    manifests=("pyproject.toml", "setup.py", "setup.cfg"),
    suffixes=(".py",),
    read=read_project,
    make=environment.make,
    run=run_pytest,
    run_seconds=60.0,
    is_test=lambda file: is_python_test(file.path),
    place=str,
    refuses=_refuses,
)
