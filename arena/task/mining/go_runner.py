"""Runs a repository's Go tests: each package compiled once, each test in a process of its own."""

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.grading.go_runner import BUILD_ENV, COMPILE
from arena.grading.job import CLEAN_ENV
from arena.protocols import Sandbox
from arena.records import ExecResult, File
from arena.records.container import AGENT_USER, WORKDIR
from arena.task.mining.projects import Project
from arena.task.mining.runner import (
    LATE,
    Environment,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    Say,
    SeenTest,
)

_FIND = (
    *("grep", "-roE", r"^func Test\w*\(\w+ \*testing\.T\) \{", WORKDIR, "--include=*_test.go"),
    *("--exclude-dir=vendor", "--exclude-dir=testdata", "--exclude-dir=.git"),
)
_FOUND = re.compile(rf"{WORKDIR}/(?:(.+)/)?[^/]+_test\.go:func (Test\w*)\(")
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
_MAJOR = re.compile(r"v\d+")


def run_go(run: RepositoryRun) -> MiningSession:
    """Run tests a folder at a time."""

    def one(box: Sandbox, folder: str, left_s: float) -> tuple[dict[str, SeenTest], str]:
        started = time.monotonic()
        out = f"/tmp/{secrets.token_hex(8)}"  # noqa: S108  a path in the container
        words, env = ["sh", "-c", COMPILE, "sh", out, folder], {**CLEAN_ENV, **BUILD_ENV}
        built = box.exec(words, timeout_s=left_s, env=env, user=AGENT_USER)
        if built.exit_code != 0:
            return {}, _why(built)
        names = _listed(box, out, _declared(box)[folder])
        run.shuffle(names, folder)
        left_s = max(left_s - (time.monotonic() - started), 1.0)
        words = ["sh", "-c", _EACH, "sh", f"{out}/tests", f"{run.how.test_seconds:g}", *names]
        done = box.exec(words, timeout_s=left_s, cwd=f"{WORKDIR}/{folder}", env=CLEAN_ENV)
        ends = _LINE.finditer(_text(done))
        return {f"{folder}:{end[1]}": _seen(int(end[2]), end[3]) for end in ends}, ""

    return run.each(lambda box: sorted(_declared(box)), one)


def _declared(box: Sandbox) -> defaultdict[str, list[str]]:
    """Names of tests by folder, as the grader reads them from the files."""
    found = defaultdict(list)
    for match in _FOUND.finditer(_text(box.exec(_FIND, timeout_s=60.0, output_limit=4 << 20))):
        found[match[1] or "."].append(match[2])
    return found


def _listed(box: Sandbox, out: str, declared: Sequence[str]) -> list[str]:
    """Declared tests that the binary has: constraints may leave a file out."""
    done = box.exec(["sh", "-c", _LIST, "sh", f"{out}/tests"], timeout_s=60.0, env=CLEAN_ENV)
    held = set(_text(done).split())
    return sorted(name for name in set(declared) if name in held and declared.count(name) == 1)


def _text(done: ExecResult) -> str:
    return done.stdout.decode("utf-8", "replace")


def _seen(code: int, kind: str) -> SeenTest:
    match code, kind:
        case 0, "skip":
            return SeenTest(outcome="skipped")
        case 0, _:
            return SeenTest(outcome="passed")
        case 137, _:
            return SeenTest(outcome="error", error=LATE)
        case _, "panic":
            return SeenTest(outcome="error", error="panic")
        case _:
            return SeenTest(outcome="failed", error="t.Fail")


def _why(built: ExecResult) -> str:
    """What kind of failure the compiler told of."""
    if built.ended != "exited":
        return LATE
    if _MODULE.search(built.text):
        return "MissingModule"
    needed = _REQUIRES.search(built.text)
    return f"BuildError, {needed[0]}" if needed else "BuildError"


# ── what mining needs to know ──────────────────────────────────────────────────────────────────


def make(pack: Path, image: str, project: Project, install: Sequence[str], say: Say) -> Environment:
    """As `MakeEnvironment`: the shipped image, for modules that are not there cannot be had.

    Raises:
        InputError: a person asked for one.
    """
    del pack, image, project, say
    if install:
        raise InputError(
            "modules of Go cannot be installed",
            where=", ".join(install),
            remedy="mine repositories that need none",
        )
    return Environment(image="go")


def _refuses_go(tree: Sequence[File], _hidden: Sequence[File]) -> str:
    there = any(file.path == "go.mod" for file in tree)
    return "" if there else "no go.mod: it is older than modules"


def _read_go(tree: Sequence[File]) -> Project:
    texts = (file.data.decode("utf-8", "replace") for file in tree if file.path == "go.mod")
    match = re.search(r"^module\s+\"?(\S+?)\"?\s*$", next(texts, ""), re.MULTILINE)
    parts = [part for part in match[1].split("/") if not _MAJOR.fullmatch(part)] if match else []
    return Project(name=parts[-1] if parts else None)


GO = LanguageSupport(
    language="go",
    runner="go",
    manifests=("go.mod",),
    suffixes=(".go",),
    read=_read_go,
    make=make,
    run=run_go,
    run_seconds=180.0,
    is_test=lambda file: file.path.endswith("_test.go"),
    place=lambda path: str(PurePosixPath(path).parent),
    refuses=_refuses_go,
)
