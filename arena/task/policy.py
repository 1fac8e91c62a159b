"""What of a patch may be applied: refuse the dangerous, strip what belongs to the tests.

A refused patch is `invalid_patch`. Stripped changes are recorded and the rest is graded, so that
an agent which honestly adds tests loses nothing by it.
"""

import fnmatch
import re
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath

from arena.errors import InputError
from arena.records import Record, Task
from arena.task.pack import gold_patch, hidden_files, tree_files, twin_files
from arena.task.patch import FilePatch, PatchError, parse, parse_loosely, render

MAX_BYTES = 1 << 20
MAX_FILES = 200
MAX_LINE_BYTES = 1_000_000
MAX_BINARY_BYTES = 4 << 20
"""Of one binary file, or of a change to one."""

_SIZES = re.compile(r"^(?:literal|delta) (\d+)$", re.MULTILINE)
_MODES = {None, "100644", "100755"}
_MODE_NAMES = {"120000": "a symbolic link", "160000": "a submodule"}
_REFUSED = {
    "it would act on every start of the interpreter or of git": (
        *("sitecustomize", "sitecustomize.*", "usercustomize", "usercustomize.*", ".gitmodules"),
        *("*.pth", "*._pth", "pyvenv.cfg", "*.egg-link", "*.so", "*.pyd", "*.pyc"),
    ),
    "it would register an installed package": ("*.dist-info", "*.egg-info", "egg-info", "*.egg"),
}
"""Names of files and folders, in small letters."""
_STRIPPED_FOLDERS = frozenset(
    {"tests", "test", "__tests__", "testdata", "__snapshots__", "node_modules"}
)
_STRIPPED_FILES = (
    *("conftest.py", "test.py", "tests.py", "test_*.py", "*_test.py", "*_test.go"),
    *("*.test.*js", "*.spec.*js", "*.test.ts", "*.spec.ts"),
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg"),
    *("pyproject.toml", ".coveragerc", "noxfile.py", "Makefile", "GNUmakefile", "makefile"),
    *("package.json", "package-lock.json", ".npmrc", ".mocharc.*", "node.config.json"),
    *("jest.config.*", "vite.config.*", "vitest.config.*"),
    *("go.mod", "go.sum", "go.work", "go.work.sum", "go.env"),
)
_INERT = ("test_*.py", "*_test.py", "*.test.*js", "*.spec.*js", "*.test.ts", "*.spec.ts")
"""Tests that nothing loads unless they are asked for."""
_GO_UNASKED = re.compile(r"^[^\S\n]*func\s+(TestMain|init)\b|^var\b", re.MULTILINE)
_SHADOWED = frozenset(sys.stdlib_module_names) | frozenset(
    {"pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "attr", "attrs"}
    | {"exceptiongroup", "tomli", "xdist", "pygments", "pkg_resources", "setuptools"}
)


class PatchRules(Record):
    """What the policy must know about one task."""

    graded: frozenset[str] = frozenset()
    """Paths that the hidden tests occupy."""
    tree: frozenset[str] = frozenset()
    """Paths of the starting tree; empty when they are not known."""
    allow: tuple[str, ...] = ()
    """Globs of protected paths that a patch may touch."""
    gold: frozenset[str] = frozenset()
    """Paths that the reference fix touches."""


class Policed(Record):
    """A patch taken apart by the policy."""

    kept: tuple[FilePatch, ...] = ()
    """What is applied."""
    stripped: tuple[FilePatch, ...] = ()
    """Changes to protected paths, left out."""
    refused: str | None = None
    """Why nothing may be applied."""
    fuzzy: bool = False
    """Whether it is read as GNU `patch` reads it, because `git apply` would not take it."""

    @property
    def text(self) -> str:
        """The kept changes as a diff."""
        return render(self.kept)


def rules_for(task: Task) -> PatchRules:
    """The rules of a task, from its files. Raises `InputError` where its gold is no diff."""
    try:
        gold = parse(gold_patch(task) or "")
    except PatchError as error:
        raise InputError(
            f"not a diff: {error}",
            where=f"{task.root}/gold.patch",
            remedy="write it with `git diff`",
        ) from error
    return PatchRules(
        graded=frozenset(file.path for file in (*hidden_files(task), *twin_files(task))),
        tree=frozenset(file.path for file in tree_files(task)),
        allow=task.allow,
        gold=frozenset(path for file in gold for path in file.paths),
    )


def police(text: str, rules: PatchRules, *, fuzzy: bool = False) -> Policed:
    """Decide over every change of a patch, read as GNU `patch` reads it if `fuzzy`.

    Where it is corrupt to git that is done in any case.
    """
    if reason := _oversized(text):
        return Policed(refused=reason)
    try:
        files = parse_loosely(text) if fuzzy else parse(text)
    except PatchError as error:
        if fuzzy:
            return Policed(refused=f"not a diff: {error}")
        loose = police(text, rules, fuzzy=True)
        return loose if loose.fuzzy else Policed(refused=f"not a diff: {error}")
    if not files and text.strip():
        return Policed(refused="not a diff: no change is in it")
    reason = f"the patch changes {len(files):,} files; {MAX_FILES} are allowed"
    if len(files) <= MAX_FILES:
        reason = next(filter(None, map(_unsafe, files)), "") or _colliding(files, rules.tree)
    if reason:
        return Policed(refused=reason, fuzzy=fuzzy)
    stripped = [file for file in files if _belongs_to_tests(file, rules)]
    kept = [file for file in files if file not in stripped]
    reason = next(filter(None, (_refused_path(file, rules) for file in kept)), None)
    return Policed(kept=tuple(kept), stripped=tuple(stripped), refused=reason, fuzzy=fuzzy)


def is_protected(path: str, rules: PatchRules) -> bool:
    """Whether a path belongs to the tests or their configuration, allowed or not."""
    *folders, name = PurePosixPath(path).parts
    return (
        # the same path, or one inside the other
        any(f"{path}/".startswith(f"{one}/") or one.startswith(f"{path}/") for one in rules.graded)
        or any(folder in _STRIPPED_FOLDERS for folder in folders)
        or (folders[:1] == ["vendor"] and "go.mod" in rules.tree)  # what Go's tests may be made of
        or _matches(name, _STRIPPED_FILES)
    )


def acts_unasked(file: FilePatch) -> bool:
    """Whether a change to protected files could act on tests that do not ask for it."""
    name = PurePosixPath(file.path).name
    if name.endswith("_test.go"):
        return _GO_UNASKED.search("\n".join(file.added_lines())) is not None
    return not _matches(name, _INERT)


# ── the whole text ─────────────────────────────────────────────────────────────────────────────


def _oversized(text: str) -> str | None:
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > MAX_BYTES:
        return f"the patch has {size:,} bytes; {MAX_BYTES:,} are allowed"
    longest = max(map(len, text.split("\n")))
    if longest > MAX_LINE_BYTES:
        return f"a line has {longest:,} characters; {MAX_LINE_BYTES:,} are allowed"
    return None


def _colliding(files: Sequence[FilePatch], tree: frozenset[str]) -> str | None:
    """Two paths that one case-insensitive disk could not hold."""
    gone = {file.old for file in files if file.old and file.old != file.new and not file.copied}
    after = {*(tree - gone), *(file.new for file in files if file.new)}
    folded: dict[str, str] = {}
    for path in sorted(after):
        other = folded.setdefault(path.casefold(), path)
        if other != path and not {other, path} <= tree:
            return f"{other!r} and {path!r} differ only in case"
    return None


# ── one change ─────────────────────────────────────────────────────────────────────────────────


def _unsafe(file: FilePatch) -> str | None:
    for path in file.paths:
        if fault := _bad_path(path):
            return f"{path!r}: {fault}"
    for mode in (file.old_mode, file.new_mode):
        if mode not in _MODES:
            return f"{file.path!r}: {_MODE_NAMES.get(mode or '', f'file mode {mode}')}"
    sizes = _SIZES.findall(file.hunks) if file.binary else ()
    large = any(int(size) > MAX_BINARY_BYTES for size in sizes)
    if (file.binary and not file.hunks) or large or "\0" in file.hunks:
        return f"{file.path!r}: binary content, or a file that is too large"
    return None


def _bad_path(path: str) -> str | None:
    parts = path.split("/")
    if path.startswith("/"):
        return "an absolute path"
    if any(part in {"", ".", ".."} for part in parts):
        return "a path that leaves its folder"
    if any(part.casefold() == ".git" for part in parts):
        return "a path into .git"
    if "\\" in path or any(ord(char) < 32 or ord(char) == 127 for char in path):
        return "a backslash or control character in a path"
    return None


def _belongs_to_tests(file: FilePatch, rules: PatchRules) -> bool:
    return any(is_protected(path, rules) and not _matches(path, rules.allow) for path in file.paths)


def _refused_path(file: FilePatch, rules: PatchRules) -> str | None:
    for path in file.paths:
        if _matches(path, rules.allow):
            continue
        for reason, globs in _REFUSED.items():
            if any(_matches(part, globs) for part in path.casefold().split("/")):
                return f"{path!r}: {reason}"
        if module := _shadowing(path, rules.tree):
            return f"{path!r}: it would take the place of the module {module!r}"
    return None


def _shadowing(path: str, tree: frozenset[str]) -> str | None:
    """The library module that a new file or folder at an import root would hide."""
    parts = PurePosixPath(path).parts
    inner = parts[1:] if parts[0] == "src" else parts
    if not inner or (len(inner) == 1 and not inner[0].endswith(".py")):
        return None
    module = inner[0].removesuffix(".py") if len(inner) == 1 else inner[0]
    place = "/".join(parts[: len(parts) - len(inner) + 1])
    known = place in tree or any(other.startswith(place + "/") for other in tree)
    return module if module in _SHADOWED and path.endswith(".py") and not known else None


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)
