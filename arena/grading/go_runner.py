"""Go: each package's tests compiled once, the binary run once per test, its exit code read.

Nothing is taken from what the binary prints. That a test exists is known from the trusted files
alone, for a binary asked for a test it does not have ends with 0.
"""

import re
from collections.abc import Iterable, Mapping

from arena.grading.findings import Findings
from arena.grading.job import Job, Names, TestRunner, stopped
from arena.records import ExecResult, File, Record, TestOutcome
from arena.records.container import AGENT_USER, WORKDIR
from arena.task.test_ids import by_place

BUILD_ENV = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOENV": "off",
    "GOFLAGS": "-mod=readonly",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOCACHE": "/tmp/go-build",  # noqa: S108  paths in the container
    "GOPATH": "/tmp/go",  # noqa: S108
}
_BINARIES = "/tmp"  # noqa: S108
COMPILE = 'mkdir -m 755 "$1" && exec go test -c -vet=off -o "$1/tests" "./$2"'
_FUNCTION = re.compile(r"^func (Test\w*)\((\w+) \*testing\.T\) \{", re.MULTILINE)
_MAX_CANARIES = 2


class _Package(Record):
    """One folder's tests as they are graded in this run."""

    folder: str
    files: tuple[File, ...]
    expected: dict[str, str]
    """Id to name of the function."""
    must_fail: dict[str, str]


def run_go(job: Job) -> Findings:
    """Grade a patched tree with compiled test binaries."""
    packages, rest = _packages(job)
    job.lay([*rest, *(file for package in packages for file in package.files)])
    tests: dict[str, TestOutcome] = {}
    must_fail: dict[str, TestOutcome] = {}
    binaries: dict[str, str] = {}
    for package in packages:
        binaries[package.folder] = out = f"{_BINARIES}/{job.names.word(join='')}{len(binaries)}"
        built = job.run(
            ["sh", "-c", COMPILE, "sh", out, package.folder], BUILD_ENV, user=AGENT_USER
        )
        if early := stopped(built):
            return early
    for package in packages:
        declared = _declared(package.files)
        for found, names in ((tests, package.expected), (must_fail, package.must_fail)):
            for test_id, name in names.items():
                if name not in declared:
                    found[test_id] = "missing"
                    continue
                result = _run(job, binaries[package.folder], package.folder, name)
                if early := stopped(result):
                    return early
                found[test_id] = _outcome(result)
    job.finish()
    return Findings(tests=tests, must_fail=must_fail)


def _run(job: Job, out: str, folder: str, name: str) -> ExecResult:
    return job.run(
        [f"{out}/tests", f"-test.run=^{name}$", "-test.count=1", "-test.paniconexit0"],
        {},
        cwd=f"{WORKDIR}/{folder}",
    )


def _outcome(result: ExecResult) -> TestOutcome:
    match result.exit_code:
        case 0:
            return "passed"
        case 1:
            return "failed"
        case _:
            return "error"


# ── before ─────────────────────────────────────────────────────────────────────────────────────


def _packages(job: Job) -> tuple[list[_Package], list[File]]:
    """Packages with canaries and renamed twins, and the hidden files of other folders."""
    plan, twins = job.task.tests, job.twins()
    files = {path: file for path, file in job.tree().items() if path.endswith("_test.go")}
    files.update(job.hidden())
    targets = by_place(plan.fail_to_pass)
    packages = []
    for folder, ids in by_place((*plan.fail_to_pass, *plan.pass_to_pass)).items():
        texts = {path: _text(file) for path, file in files.items() if _folder(path) == folder}
        authored = {path: _text(file) for path, file in twins.items() if _folder(path) == folder}
        must_fail = {}
        for test_id in by_place(job.must_fail).get(folder, []):
            ours = job.names.camel(_names([*texts.values(), *authored.values()]))
            if _rename(authored, _function(test_id), ours):
                must_fail[f"{folder}:{ours}"] = ours
            else:
                must_fail[test_id] = _function(test_id)
        texts.update(_moved(authored, job.names))
        originals = [_function(test_id) for test_id in targets.get(folder, [])]
        if job.defences.canaries:
            for name in job.names.rng.sample(originals, min(_MAX_CANARIES, len(originals))):
                if copy := _plant(texts, name, job.names):
                    must_fail[f"{folder}:{copy}"] = copy
        laid = tuple(File(path=path, data=text.encode()) for path, text in texts.items())
        expected = {test_id: _function(test_id) for test_id in ids}
        packages.append(_Package(folder=folder, files=laid, expected=expected, must_fail=must_fail))
    graded = {file.path for package in packages for file in package.files}
    return packages, [file for path, file in job.hidden().items() if path not in graded]


def _plant(texts: dict[str, str], name: str, names: Names) -> str | None:
    """Add a failing copy of a test to its file; its name, or None where there is no such test."""
    for path, text in texts.items():
        for match in _FUNCTION.finditer(text):
            if match[1] != name:
                continue
            ours = names.camel(_names(texts.values()))
            left, right = names.rng.sample(range(2, 100), 2)
            subject = match[2] if match[2] != "_" else "t"
            end = text.find("\n}\n", match.end())
            body = text[match.end() : end] if end >= 0 and match[2] != "_" else ""
            texts[path] = (
                f"{text.rstrip()}\n\nfunc {ours}({subject} *testing.T) {{\n"
                f'\tdefer {subject}.Errorf("got %d, want %d", {left}, {right})\n{body}\n}}\n'
            )
            return ours
    return None


def _rename(texts: dict[str, str], name: str, ours: str) -> bool:
    for path, text in texts.items():
        renamed = re.sub(rf"^func {name}\(", f"func {ours}(", text, count=1, flags=re.MULTILINE)
        if renamed != text:
            texts[path] = renamed
            return True
    return False


def _moved(texts: Mapping[str, str], names: Names) -> dict[str, str]:
    """Twins under file names of this run, in the folder they were in."""
    moved: dict[str, str] = {}
    for path, text in texts.items():
        folder, slash, _ = path.rpartition("/")
        moved[f"{folder}{slash}{names.word(moved)}_test.go"] = text
    return moved


def _declared(files: Iterable[File]) -> set[str]:
    return _names(_text(file) for file in files)


def _names(texts: Iterable[str]) -> set[str]:
    return {match[1] for text in texts for match in _FUNCTION.finditer(text)}


def _text(file: File) -> str:
    return file.data.decode("utf-8", "replace")


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _function(test_id: str) -> str:
    return test_id.partition(":")[2]


RUNNER = TestRunner(run_go)
