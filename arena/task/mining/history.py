"""The history of a local clone: its steps, trees and changes; nothing is checked out or run."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from arena.errors import InputError
from arena.git import NOTES, BorrowedClone, GitError
from arena.records import File, Record
from arena.task.files import leads_out

Purpose = Literal["test", "source", "other"]

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "testdata", "e2e", "spec"})
_TEST_NAME = re.compile(
    r"test_.*\.(py|c|cc|cpp|rb)|.*_test\.(py|go|rs|c|cc|cpp|exs)|tests?\.(py|rs)|conftest\.py"
    r"|.*\.(test|spec)\.[cm]?[jt]sx?|(.*[-_])?tests?\.[cm]?[jt]s|test-.*\.[cm]?[jt]s|.*_spec\.rb"
    r"|.*(Tests?|TestCase|IT|Spec)\.(java|kt|scala|groovy|cs|php|swift)"
)
_CODE = frozenset(
    {".py", ".go", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".rs", ".java"}
    | {".kt", ".scala", ".groovy", ".cs", ".php", ".rb", ".swift", ".ex", ".exs", ".c", ".cc"}
    | {".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".sh", ".pl", ".pm", ".lua", ".jl", ".hs"}
    | {".ml", ".clj", ".erl", ".dart", ".zig", ".nim", ".r", ".f90", ".m", ".mm", ".v", ".sql"}
)
_SOURCE = _CODE | frozenset(
    {".pyi", ".pyx", ".vue", ".svelte"}
    | {".json", ".toml", ".yaml", ".yml", ".txt", ".html", ".jinja", ".j2", ".cfg", ".ini", ".po"}
)
_OF_TOOLS = frozenset({"setup.py", "noxfile.py", "tasks.py"})
_ASIDE_FOLDERS = frozenset(
    {"doc", "docs", "changes", "changelog", "changelog.d", "newsfragments", "news", "examples"}
    | {"benchmarks", "benchmark", "bench", "releasenotes", "scripts", "tools", "ci", "fuzz"}
)
_OF_OTHERS = re.compile(r"(.*/)?(node_modules|third_party|vendor/[\w-]+\.[\w.-]+)/.*")
"""Code of other projects, with tests that are not this one's; Go's are below a host's name."""


def purpose(path: str) -> Purpose:
    """Test code and its data; source that a fix may change; or neither."""
    pure = PurePosixPath(path)
    *folders, name = pure.parts
    if _OF_OTHERS.fullmatch(path):
        return "other"
    if any(folder in _TEST_FOLDERS for folder in folders) or _TEST_NAME.fullmatch(name):
        return "test"
    if any(folder.startswith(".") or folder.lower() in _ASIDE_FOLDERS for folder in folders):
        return "other"
    # At the top lie settings of tools and packaging, never the code of a library's package
    if not folders and (pure.suffix not in _CODE or name in _OF_TOOLS):
        return "other"
    return "other" if name[0] == "." or pure.suffix.lower() not in _SOURCE else "source"


def _has_code(paths: Sequence[str]) -> bool:
    return any(PurePosixPath(path).suffix in _CODE for path in paths)


_FIELDS = "%H%n%P%n%cI%n%B"
_LOG_SECONDS = 300.0
_LOG_BYTES = 1 << 30
_DIFF_BYTES = 16 << 20
_INNER = 5
_MAX_FILE_BYTES = 4 << 20
_MAX_NAME_BYTES = 255
_MAX_TREE_BYTES = 256 << 20
_PLAIN_DIFF = (
    *("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)
_FIX = re.compile(
    r"\b(fix(e[sd])?|fixing|bug(fix)?|clos(e[sd]?|ing)|resolv(e[sd]?|ing)|regression"
    r"|crash(es|ed)?|incorrect(ly)?|wrong(ly)?|broken|handle[sd]?|prevent[s]?|avoid[s]?)\b",
    re.IGNORECASE,
)


class Commit(Record):
    """One step of the main line: a commit, a squash, or a merge against its first parent."""

    sha: str
    parent: str
    at: str
    """Committer's date, ISO 8601."""
    message: str
    note: str = ""
    """What `git notes` holds of it."""
    source: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    """Changed paths by purpose."""
    unreadable: str = ""
    """Why it is not known what it changes."""

    @property
    def says_fix(self) -> bool:
        """Whether its first line speaks of something broken."""
        return bool(_FIX.search(self.message.strip().partition("\n")[0]))


class GitHistory:
    """One local clone, or the part of its history that concerns a folder in it.

    The folder is below `repo`, with `/` at its end; paths in it that begin as `without` says belong
    to others. Raises `InputError` where there is no repository, or it is broken.
    """

    def __init__(self, repo: Path, folder: str = "", without: Sequence[str] = ()) -> None:
        self._repo, self._clone = repo, BorrowedClone(repo)
        self.head = self._clone.head
        """The newest commit."""
        self._prefix, self._without = self._clone.prefix + folder, tuple(without)
        self._relative = (f"--relative={self._prefix}",) if self._prefix else ()

    def steps(self, *, since: str | None, until: str | None, paths: Sequence[str]) -> list[Commit]:
        """Steps of the main line that change source and tests, newest first.

        Dates are days by UTC, as 2026-11-01, and taken whole; a step must touch one of the paths,
        where there are any.
        Raises `InputError` where the line cannot be followed to its start.
        """
        words = ["log", "--first-parent", "-z", f"--format={_FIELDS}"]
        # Git takes a day without a time from the time of day that it is now.
        words += [f"--since={since}T00:00:00Z"] if since else []
        words += [f"--until={until}T23:59:59Z"] if until else []
        words += [self._clone.head, "--", *(self._prefix + path for path in paths)]
        try:
            data = self._clone.run(words, timeout_s=_LOG_SECONDS, output_limit=_LOG_BYTES)
        except GitError as error:
            remedy = "give a whole clone, or a newer --since"
            raise InputError(str(error), where=str(self._repo), remedy=remedy) from None
        notes, entries = self._notes(), data.decode("utf-8", "replace").split("\0")
        return [
            step
            for step in (self._step(entry, notes) for entry in entries)
            if step and (step.unreadable or (_has_code(step.source) and _has_code(step.tests)))
        ]

    def _notes(self) -> dict[str, str]:
        """Notes by the commit that they are of; none where they cannot be read."""
        try:
            listed = self._clone.run(["ls-tree", "-r", NOTES]).decode("utf-8", "replace")
            rows = [line.partition("\t") for line in listed.splitlines()]
            ids = {path.replace("/", ""): meta.split()[2].encode() for meta, _, path in rows}
            blobs = self._blobs([*ids.values()])
        except GitError:
            return {}
        return {sha: blobs[blob].decode("utf-8", "replace") for sha, blob in ids.items()}

    def _step(self, entry: str, notes: Mapping[str, str]) -> Commit | None:
        """A commit of the log with what it changes; None where it has no parent."""
        sha, _, rest = entry.partition("\n")
        parents, _, rest = rest.partition("\n")
        at, _, message = rest.partition("\n")
        if not parents:
            return None
        parent, *merged = parents.split()
        step = Commit(sha=sha, parent=parent, at=at, message=message, note=notes.get(sha, ""))
        try:
            if merged and len(message.strip().splitlines()) == 1:
                message = f"{message.strip()}\n\n{self._inner(parent, sha)}"
            changed = self._changed(parent, sha)
        except GitError as error:
            return step.model_copy(update={"unreadable": str(error)})
        source = tuple(path for path in changed if purpose(path) == "source")
        tests = tuple(path for path in changed if purpose(path) == "test")
        if odd := [path for path in (*source, *tests) if not path.isprintable()]:
            return step.model_copy(update={"unreadable": f"the path {odd[0]!r} is no plain text"})
        return step.model_copy(update={"message": message, "source": source, "tests": tests})

    def describe(self, commit: str) -> str | None:
        """The version of the newest tag before a commit, without its `v`."""
        try:
            tag = self._clone.run(["describe", "--tags", "--abbrev=0", self._clone.commit(commit)])
        except GitError:
            return None
        match = re.search(r"\d+(\.\d+)+", tag.decode("utf-8", "replace"))
        return match[0] if match else None

    def date(self, commit: str) -> str:
        """The day of a commit, `2024-01-31`. Raises `GitError` where there is none."""
        told = self._clone.run(["show", "-s", "--format=%cs", self._clone.commit(commit)])
        return told.decode("ascii", "replace").strip()

    def tree(self, commit: str) -> tuple[File, ...]:
        """Regular files of a commit, less very large ones and paths that are no plain text.

        Raises `GitError` where it cannot be read, is too large, or has a path that leads out of it.
        """
        sha = self._clone.commit(commit)
        tree = f"{sha}:{self._prefix}" if self._prefix else sha
        listed = []
        words = ("ls-tree", "-r", "-z", "--long", "--full-tree", tree)
        for entry in self._clone.run(words).split(b"\0"):
            meta, _, name = entry.partition(b"\t")
            fields = meta.split()
            if not fields or fields[0] not in {b"100644", b"100755"}:
                continue
            path = name.decode("utf-8", "surrogateescape")
            if path.startswith(self._without):
                continue
            if leads_out(path) or max(map(len, name.split(b"/"))) > _MAX_NAME_BYTES:
                raise GitError(f"its tree holds the path {path!r}")
            size = int(fields[3]) if fields[3].isdigit() else 0  # of a missing object there is none
            if size <= _MAX_FILE_BYTES and path.isprintable():
                listed.append((path, fields[2], fields[0] == b"100755", size))
        paths = Counter(path for path, *_ in listed)
        folders = {str(up) for path in paths for up in PurePosixPath(path).parents}
        if twice := [path for path in paths if paths[path] > 1 or path in folders]:
            raise GitError(f"its tree holds {twice[0]!r} twice")
        if sum(size for *_, size in listed) > _MAX_TREE_BYTES:
            raise GitError(f"the tree of {sha[:12]} is too large")
        blobs = self._blobs([blob for _, blob, _, _ in listed])
        return tuple(
            File(path=path, data=blobs[blob], mode=0o755 if executable else 0o644)
            for path, blob, executable, _ in listed
        )

    def diff(self, before: str, after: str, paths: Sequence[str]) -> str:
        """The change of some paths, bytes that are not UTF-8 as surrogates. Raises `GitError`."""
        words = [
            *("diff", *_PLAIN_DIFF, *self._relative, self._clone.commit(before)),
            *(self._clone.commit(after), "--"),
            *(f":(literal){self._prefix}{path}" for path in paths),
        ]
        return self._clone.run(words, output_limit=_DIFF_BYTES).decode("utf-8", "surrogateescape")

    def _inner(self, parent: str, merge: str) -> str:
        """What the commits of a merge say, where the merge itself says nothing."""
        words = ("log", "--no-merges", f"--max-count={_INNER}", "--format=%B", f"{parent}..{merge}")
        return self._clone.run(words).decode("utf-8", "replace")

    def _changed(self, before: str, after: str) -> list[str]:
        words = ("diff-tree", "-r", "--name-only", "--no-renames", "-z", *self._relative)
        data = self._clone.run([*words, before, after])
        names = [name.decode("utf-8", "surrogateescape") for name in data.split(b"\0") if name]
        return [name for name in names if not name.startswith(self._without)]

    def _blobs(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        wanted = list(dict.fromkeys(ids))
        asked = b"".join(one + b"\n" for one in wanted)
        data = self._clone.run(
            ["cat-file", "--batch"], stdin=asked, output_limit=2 * _MAX_TREE_BYTES
        )
        found, at = {}, 0
        for one in wanted:
            end = data.index(b"\n", at)
            _, kind, *size = data[at:end].split()
            if not size:
                raise GitError(f"object {one.decode()[:12]} is {kind.decode()}")
            found[one] = data[end + 1 : end + 1 + int(size[0])]
            at = end + int(size[0]) + 2
        return found
