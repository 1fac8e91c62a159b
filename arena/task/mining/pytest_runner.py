"""Projects of Python: the wheels they need, and their tests under pytest."""

import re
import secrets
import shlex
import time
from collections.abc import Sequence
from functools import partial
from typing import Literal

from pydantic import ValidationError

from arena.grading.job import CLEAN_ENV
from arena.grading.pytest_runner import PYTEST_ENV
from arena.protocols import Sandbox
from arena.records import File, Record, TestOutcome
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.resources import sandboxes_dir
from arena.sandbox.image import packages
from arena.sandbox.image.packages import REQUIREMENTS
from arena.serialize import json_lines
from arena.task.checking.leaks import text_of
from arena.task.mining.projects import Project, read_ini, read_project
from arena.task.mining.runner import (
    Ended,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    SeenTest,
    TestCommand,
    TestRunOptions,
    make_environment,
)

PLUGIN = "arena_mining"
PLUGIN_FILE = f"mining/{PLUGIN}.py"
"""Below the folder of the sandboxes."""
NOT_LOADED = frozenset(
    {"pytest_cov", "xdist", "xdist.looponfail", "randomly", "sugar", "benchmark"}
)
"""Plugins of pytest that would change what is run or in which order."""

_TEST_FILE = re.compile(r"(.*/)?(test_[^/]*|[^/]*_test|tests?)\.py")
"""What pytest would collect by its name."""
_REPORT_LIMIT = 32 << 20
_LATE_EXIT = 1
"""Of a process that a test which nothing else ends takes with it."""
_CRASHED = SeenTest(outcome="error", error="ProcessDied")


class _Line(Record):
    id: str
    when: Literal["start", "end", "collect"]
    outcome: TestOutcome
    error: str


def run_pytest(run: RepositoryRun) -> MiningSession:
    """Run tests with our plugin, which writes where a test begins and where it has ended.

    One that nothing but the end of its process ends took too long; those to come run without it.
    """
    return run.session(partial(_look, run))


def _look(run: RepositoryRun, box: Sandbox) -> MiningSession:
    folder = f"{TRUSTED}/{secrets.token_hex(8)}"
    report = f"{folder}/report.jsonl"
    plugin = (sandboxes_dir() / PLUGIN_FILE).read_bytes()
    trusted = {f"{PLUGIN}.py": plugin, "pytest.ini": b"[pytest]\n"}
    box.put([File(path=f"{folder}/{name}", data=data) for name, data in trusted.items()])
    box.put([File(path=report, data=b"")], owner=TESTER_UID)
    env = {
        **CLEAN_ENV,
        **PYTEST_ENV,
        "PYTHONPATH": f"{WORKDIR}{'/src' if run.fix.in_src else ''}:{folder}",
        "ARENA_REPORT": report,
        "ARENA_TEST_SECONDS": str(run.how.test_seconds),
        **({"ARENA_SEED": run.seed} if run.seed else {}),
    }
    argv, deadline = _argv(run.how, folder, run.places), time.monotonic() + run.timeout_s
    hung, crashed = set[str](), dict[str, SeenTest]()
    while True:
        done = box.exec(argv, timeout_s=max(deadline - time.monotonic(), 0.1), env=env)
        before = hung
        tests, uncollected, hung = _read(box.get(report, limit=_REPORT_LIMIT).data)
        if done.ended != "exited" or hung == before:
            break
        if done.exit_code != _LATE_EXIT:
            crashed |= dict.fromkeys(hung - before, _CRASHED)
    box.kill()
    ended: Ended = "complete" if done.ended == "exited" else "timeout"
    if ended == "complete" and (done.exit_code in {3, 4} or not (tests or uncollected)):
        ended = "broken"
    detail = done.text[-300:] if ended == "broken" else ""
    tests |= crashed
    return MiningSession(ended=ended, detail=detail, tests=tests, uncollected=uncollected)


def _argv(how: TestRunOptions, folder: str, places: Sequence[str]) -> list[str]:
    return [
        *("python3", "-m", "pytest", "-q", "--tb=line", "--color=no"),
        *("-c", f"{folder}/pytest.ini", f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}"),
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", PLUGIN),
        "--continue-on-collection-errors",
        *(word for name in how.plugins for word in ("-p", name)),
        *(word for line in how.options for word in ("-o", line)),
        *how.arguments,
        *(places or [WORKDIR]),
    ]


def _read(data: bytes) -> tuple[dict[str, SeenTest], dict[str, str], set[str]]:
    """Tests, files that could not be collected, and tests that took their process with them."""
    tests, uncollected, hung = dict[str, SeenTest](), dict[str, str](), set[str]()
    for _, told in json_lines(data.split(b"\n"), broken=None):
        try:
            line = _Line.model_validate(told)
        except ValidationError:
            continue
        if line.when == "collect":
            uncollected[line.id] = line.error
            continue
        tests[line.id] = SeenTest(outcome=line.outcome, error=line.error)
        (hung.add if line.when == "start" else hung.discard)(line.id)
    return tests, uncollected, hung


def _pin(project: Project, wanted: Sequence[str]) -> tuple[list[File], tuple[str, ...]]:
    pinned = packages.resolve_python(wanted)
    listed = File(path=REQUIREMENTS, data="".join(f"{one}\n" for one in pinned).encode())
    plugins = _plugins(packages.unpack_python(pinned))
    return [listed, *_metadata(project)], plugins


def _plugins(files: Sequence[File]) -> tuple[str, ...]:
    told = [file for file in files if file.path.endswith(".dist-info/entry_points.txt")]
    points = (read_ini(text_of(file)).get("pytest11", {}) for file in told)
    return tuple(sorted({name for one in points for name in one} - NOT_LOADED))


def _metadata(project: Project) -> list[File]:
    """The project as an installed one, so that it can ask for its own version."""
    if not project.name:
        return []
    name, version = re.sub(r"[-_.]+", "_", project.name), project.version or "0.0.0"
    folder = f"site/{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {version}\n"
    texts = {"METADATA": head, "entry_points.txt": project.entry_points}
    return [File(path=f"{folder}/{one}", data=text.encode()) for one, text in texts.items() if text]


PYTHON = LanguageSupport(
    language="python",
    runner="pytest",
    manifests=("pyproject.toml", "setup.py", "setup.cfg"),
    suffixes=(".py",),
    read=read_project,
    make=partial(make_environment, "python", _pin),
    run=run_pytest,
    run_seconds=60.0,
    is_test=lambda file: bool(_TEST_FILE.fullmatch(file.path)),
)


# ── tests that our pytest cannot run ───────────────────────────────────────────────────────────

_REPORT = ".arena-report.xml"
OWN_PYTEST = TestCommand(
    script="python3 -m pytest -q -p no:cacheprovider -o junit_family=xunit1"
    f" --junitxml={_REPORT} {{files}}",
    report="junit",
    report_files=(_REPORT,),
)
"""Its tests must share it with the runner, so the tree's runs them."""
_DJANGO = "tests/runtests.py"


def unittest_command(tree: Sequence[File], files: Sequence[str]) -> TestCommand:
    """What runs test files of unittest; Django's by its own script, which sets up databases."""
    words = ["-m", "unittest", "-v", *files]
    if any(file.path == _DJANGO for file in tree):
        inner = [file.removeprefix("tests/").removesuffix(".py") for file in files]
        words = [_DJANGO, "--verbosity=2", "--parallel=1", *(i.replace("/", ".") for i in inner)]
    script = f'PYTHONPATH="$PWD" python3 -u {shlex.join(words)} 2>&1'
    return TestCommand(script=script, report="unittest")


def is_pytest(tree: Sequence[File]) -> bool:
    """Whether a tree is pytest's own."""
    return any(file.path.removeprefix("src/") == "_pytest/__init__.py" for file in tree)
