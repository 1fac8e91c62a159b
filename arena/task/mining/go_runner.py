"""Runs a repository's Go tests: each package compiled once, each test in a process of its own."""

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import NoReturn

from arena.errors import InputError
from arena.grading.go_runner import BUILD_ENV, COMPILE
from arena.grading.job import CLEAN_ENV
from arena.protocols import Sandbox
from arena.records import ExecResult, File
from arena.records.container import AGENT_USER, WORKDIR
from arena.task.checking.leaks import text_of
from arena.task.mining.projects import Project
from arena.task.mining.runner import (
    LATE,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    SeenTest,
    make_environment,
)
from arena.task.mining.statement import CandidateFix

_TEST = re.compile(r"^func (Test\w*)\(\w+ \*testing\.T\) \{", re.MULTILINE)
_LIST = '"$1" -test.list "^Test"'
# A line a test: its name, the exit code, and what kind of end its output tells of
_EACH = """
tests=$1 seconds=$2 out=$(mktemp); shift 2
for name in "$@"; do
  timeout -s KILL "$seconds" "$tests" -test.v -test.run="^$name\\$" -test.count=1 \\
    -test.paniconexit0 >"$out" 2>&1
  code=$?
  kind=-
  grep -q "^--- SKIP: $name " "$out" && kind=skip
  grep -q "^panic: \\|^fatal error: " "$out" && kind=panic
  echo "$name $code $kind"
done
"""
_LINE = re.compile(r"(Test\w*) (\d+) (-|skip|panic)")
_MODULE = re.compile(r"no required module provides|cannot find module|module lookup disabled")
_REQUIRES = re.compile(r"module requires Go \S+")
_ASIDE = frozenset({"vendor", "testdata"})
_MAJOR = re.compile(r"v\d+")


def run_go(run: RepositoryRun) -> MiningSession:
    """Run tests a folder at a time."""
    declared = _declared(run.fix)

    def one(box: Sandbox, folder: str, left_s: float) -> tuple[dict[str, SeenTest], str]:
        started = time.monotonic()
        out = f"/tmp/{secrets.token_hex(8)}"  # noqa: S108  a path in the container
        words, env = ["sh", "-c", COMPILE, "sh", out, folder], {**CLEAN_ENV, **BUILD_ENV}
        built = box.exec(words, timeout_s=left_s, env=env, user=AGENT_USER)
        if built.exit_code != 0:
            return {}, _why(built)
        names = _listed(box, out, declared[folder])
        run.shuffle(names, folder)
        left_s = max(left_s - (time.monotonic() - started), 1.0)
        words = ["sh", "-c", _EACH, "sh", f"{out}/tests", f"{run.how.test_seconds:g}", *names]
        done = box.exec(words, timeout_s=left_s, cwd=f"{WORKDIR}/{folder}", env=CLEAN_ENV)
        ends = _LINE.finditer(_text(done))
        return {f"{folder}:{end[1]}": _seen(int(end[2]), end[3]) for end in ends}, ""

    return run.each(sorted(declared), one)


def _declared(fix: CandidateFix) -> defaultdict[str, list[str]]:
    """Names of tests by folder, as the grader reads them from the files."""
    found = defaultdict[str, list[str]](list)
    for path, file in fix.files.items():
        folder = PurePosixPath(path).parent
        names = _TEST.findall(text_of(file)) if path.endswith("_test.go") else []
        if names and not _ASIDE.intersection(folder.parts):
            found[str(folder)] += names
    return found


def _listed(box: Sandbox, out: str, declared: Sequence[str]) -> list[str]:
    """Declared tests that the binary has: constraints may leave a file out."""
    done = box.exec(["sh", "-c", _LIST, "sh", f"{out}/tests"], timeout_s=60.0, env=CLEAN_ENV)
    held = set(_text(done).split())
    return sorted(name for name in set(declared) if name in held and declared.count(name) == 1)


def _text(done: ExecResult) -> str:
    return done.stdout.decode("utf-8", "replace")


def _seen(code: int, kind: str) -> SeenTest:
    if code == 0:
        return SeenTest(outcome="skipped" if kind == "skip" else "passed")
    if code == 137 or kind == "panic":
        return SeenTest(outcome="error", error="panic" if code != 137 else LATE)
    return SeenTest(outcome="failed", error="t.Fail")


def _why(built: ExecResult) -> str:
    """What kind of failure the compiler told of."""
    if built.ended != "exited":
        return LATE
    if _MODULE.search(built.text):
        return "MissingModule"
    needed = _REQUIRES.search(built.text)
    return f"BuildError, {needed[0]}" if needed else "BuildError"


def _pin(_project: Project, wanted: Sequence[str]) -> NoReturn:
    raise InputError(
        "modules of Go cannot be installed",
        where=", ".join(wanted),
        remedy="mine repositories that need none",
    )


def _refuses_go(tree: Sequence[File], _hidden: Sequence[File]) -> str:
    there = any(file.path == "go.mod" for file in tree)
    return "" if there else "no go.mod: it is older than modules"


def _read_go(tree: Sequence[File]) -> Project:
    texts = (text_of(file) for file in tree if file.path == "go.mod")
    match = re.search(r"^module\s+\"?(\S+?)\"?\s*$", next(texts, ""), re.MULTILINE)
    parts = [part for part in match[1].split("/") if not _MAJOR.fullmatch(part)] if match else []
    return Project(name=parts[-1] if parts else None)


GO = LanguageSupport(
    language="go",
    runner="go",
    manifests=("go.mod",),
    suffixes=(".go",),
    read=_read_go,
    make=partial(make_environment, "go", _pin),
    run=run_go,
    run_seconds=180.0,
    is_test=lambda file: file.path.endswith("_test.go"),
    place=lambda path: str(PurePosixPath(path).parent),
    refuses=_refuses_go,
)
