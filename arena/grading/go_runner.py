"""Go: each package's tests compiled once, the binary run once per test, its exit code read.

Nothing is taken from what the binary prints. That a test exists is known from the trusted files
alone, for a binary asked for a test it does not have ends with 0.
"""

import re
from collections.abc import Container, Iterable
from typing import NamedTuple

from arena.grading.findings import Findings
from arena.grading.job import Job
from arena.grading.names import Renaming, code_of, text_of, with_text
from arena.records import File, TestOutcome
from arena.records.container import AGENT_USER, WORKDIR
from arena.task.plan_ids import by_place

BUILD_ENV = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOENV": "off",
    "GOFLAGS": "",  # modules are read from `vendor` where there is one, and never changed
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOCACHE": "/tmp/go-build",  # noqa: S108  paths in the container
    "GOPATH": "/tmp/go",  # noqa: S108
}
_BINARIES = "/tmp"  # noqa: S108
COMPILE = 'mkdir -m 755 "$1" && exec go test -c -vet=off -o "$1/tests" "./$2"'
_HOW = ("-test.count=1", "-test.paniconexit0")
_OUTCOMES: dict[int | None, TestOutcome] = {0: "passed", 1: "failed"}
_FUNCTION = re.compile(r"^func (Test\w*)\((\w+) \*testing\.T\) \{", re.MULTILINE)
_GAP = re.compile(r"^(?://.*\n)*func ", re.MULTILINE)
_BRACE = re.compile("[{}]")
_RAW = "`[^`]*`"
_CANARIES = (1, 3)
"""Least and most of a package: each is a process more."""


class _Package(NamedTuple):
    """One folder's tests as they are graded in this run."""

    folder: str
    files: tuple[File, ...]
    functions: dict[str, str]
    """Id to name of the function in this run, canaries and twins too."""
    must_fail: frozenset[str]


def run(job: Job) -> Findings:
    """Grade a patched tree with compiled test binaries."""
    packages, rest = _packages(job)
    job.lay([*rest, *(file for package in packages for file in package.files)])
    tests: dict[str, TestOutcome] = {}
    must_fail: dict[str, TestOutcome] = {}
    binaries: dict[str, str] = {}
    for package in packages:
        binaries[package.folder] = out = f"{_BINARIES}/{job.names.token()}"
        job.run(["sh", "-c", COMPILE, "sh", out, package.folder], BUILD_ENV, user=AGENT_USER)
    there = {package.folder: _names(map(text_of, package.files)) for package in packages}
    order = [(package, test_id) for package in packages for test_id in package.functions]
    for package, test_id in job.names.rng.sample(order, len(order)):
        name = package.functions[test_id]
        outcome: TestOutcome = "missing"
        if name in there[package.folder]:
            command = [f"{binaries[package.folder]}/tests", f"-test.run=^{name}$", *_HOW]
            ended = job.run(command, {}, cwd=f"{WORKDIR}/{package.folder}")
            outcome = _OUTCOMES.get(ended.exit_code, "error")
        (must_fail if test_id in package.must_fail else tests)[test_id] = outcome
    job.finish()
    return Findings(tests=tests, must_fail=must_fail)


def _packages(job: Job) -> tuple[list[_Package], list[File]]:
    """Packages with canaries and everything renamed, and the hidden files of other folders."""
    plan, twins, hidden, rng = job.task.tests, job.twins(), job.hidden(), job.names.rng
    known = {path: file for path, file in job.tree().items() if path.endswith("_test.go")}
    files = known | hidden
    targets, must_fail = by_place(plan.fail_to_pass), by_place(plan.must_fail)
    renaming = Renaming(job.names, job.around(), twins)
    packages, rest = [], set(hidden)
    for folder, ids in by_place((*plan.fail_to_pass, *plan.pass_to_pass)).items():
        texts = {path: text_of(file) for path, file in files.items() if _folder(path) == folder}
        rest -= set(texts)
        asked = {test_id: _function(test_id) for test_id in ids}
        asked = _rename(texts, asked, renaming, known)
        authored = {path: text_of(file) for path, file in twins.items() if _folder(path) == folder}
        twin_ids = {test_id: _function(test_id) for test_id in must_fail.get(folder, [])}
        twin_ids = _rename(authored, twin_ids, renaming, ())
        texts |= authored
        failing = {f"{folder}:{name}": name for name in twin_ids.values()}
        originals = [asked[test_id] for test_id in targets.get(folder, [])]
        count = min(rng.randint(*_CANARIES), len(originals))
        for name in rng.sample(originals, count):
            if copy := _plant(texts, name, renaming):
                failing[f"{folder}:{copy}"] = copy
        job.tell({f"{folder}:{name}": test_id for test_id, name in asked.items()})
        laid = (with_text(File(path=path, data=b""), text, path) for path, text in texts.items())
        packages.append(_Package(folder, tuple(laid), asked | failing, frozenset(failing)))
    return packages, [hidden[path] for path in sorted(rest)]


def _plant(texts: dict[str, str], name: str, renaming: Renaming) -> str | None:
    """Put a failing copy of a test between any two functions; its name, None without the test."""
    rng = renaming.names.rng
    for path, text in texts.items():
        whole = f"{text.rstrip()}\n\n"
        code = code_of(whole, _RAW)
        for match in _FUNCTION.finditer(code):
            if match[1] != name:
                continue
            ours = renaming.draw("TestCamel")
            left, right = rng.sample(range(2, 100), 2)
            subject = match[2] if match[2] != "_" else "t"
            end = _closing(code, match.end())
            body = whole[match.end() : end].rstrip() if match[2] != "_" else ""
            copy = (
                f"func {ours}({subject} *testing.T) {{\n"
                f'\tdefer {subject}.Errorf("got %d, want %d", {left}, {right})\n{body}\n}}\n\n'
            )
            gaps = _GAP.finditer(whole)
            starts = [gap.start() for gap in gaps if code.startswith("func ", gap.end() - 5)]
            at = rng.choice([*starts, len(whole)])
            texts[path] = whole[:at] + copy + whole[at:]
            return ours
    return None


def _closing(code: str, at: int) -> int:
    """Where the brace ends that was opened just before."""
    depth = 1
    for brace in _BRACE.finditer(code, at):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return at


def _rename(
    texts: dict[str, str], asked: dict[str, str], renaming: Renaming, known: Container[str]
) -> dict[str, str]:
    """Give the tests, and their files where those are not known ones, names of this run; ids with
    the new names of their functions.
    """
    new = {}
    for test_id, name in asked.items():
        new[test_id] = name
        for path, text in texts.items():
            if name in _names([text]):
                texts[path], new[test_id] = renaming.within(path, text, name, "TestCamel")
                break
    for path in [path for path in texts if path not in known]:
        if _names([texts[path]]) & set(new.values()):
            texts[renaming.of_file(path, "joined")] = texts.pop(path)
    return new


def _names(texts: Iterable[str]) -> set[str]:
    return {match[1] for text in texts for match in _FUNCTION.finditer(code_of(text, _RAW))}


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _function(test_id: str) -> str:
    return test_id.partition(":")[2]
