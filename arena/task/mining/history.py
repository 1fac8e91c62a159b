"""A repository's history, read with git from a local clone; nothing of it is checked out or run."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from arena.errors import HarnessError, InputError
from arena.records import File, Record

Purpose = Literal["test", "source", "other"]

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "testdata", "e2e", "spec"})
_TEST_NAME = re.compile(
    r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py"
    r"|.*_test\.go|.*\.(test|spec)\.[cm]?[jt]sx?|(.*[-_])?test\.[cm]?js|test-.*\.[cm]?js"
)
_SOURCE = frozenset(
    {".py", ".pyi", ".pyx", ".go", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".c", ".h"}
    | {".json", ".toml", ".yaml", ".yml", ".txt", ".html", ".jinja", ".j2", ".cfg", ".ini", ".po"}
)
_CODE = frozenset({".py", ".go", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx"})
_ASIDE_FOLDERS = frozenset(
    {"doc", "docs", "changes", "changelog", "changelog.d", "newsfragments", "news", "examples"}
    | {"benchmarks", "benchmark", "bench", "releasenotes", "scripts", "tools", "ci", "fuzz"}
)


def purpose(path: str) -> Purpose:
    """Test code and its data; source that a fix may change; or neither."""
    pure = PurePosixPath(path)
    *folders, name = pure.parts
    if any(folder in _TEST_FOLDERS for folder in folders) or _TEST_NAME.fullmatch(name):
        return "test"
    if any(folder.startswith(".") or folder.lower() in _ASIDE_FOLDERS for folder in folders):
        return "other"
    if name.startswith(".") or pure.suffix.lower() not in _SOURCE:
        return "other"
    # At the top lie settings of tools and packaging, never the code of a library's package
    if not folders and pure.suffix not in _CODE:
        return "other"
    return "other" if name in {"setup.py", "noxfile.py", "tasks.py"} and not folders else "source"


def is_code(path: str) -> bool:
    """Whether a path holds program text."""
    return PurePosixPath(path).suffix in _CODE


def is_python_test(path: str) -> bool:
    """Whether pytest would collect a path by its name."""
    name = path.rpartition("/")[2]
    return bool(re.fullmatch(r"test_.*\.py|.*_test\.py|tests?\.py", name))


_FIELDS = "%H%x1f%P%x1f%cI%x1f%B%x1e"
_SECONDS = 300
_INNER = 5
_MAX_FILE_BYTES = 4 << 20
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
    merge: bool
    source: tuple[str, ...]
    tests: tuple[str, ...]
    """Changed paths by purpose."""

    @property
    def says_fix(self) -> bool:
        """Whether its first line speaks of something broken."""
        return bool(_FIX.search(self.message.strip().partition("\n")[0]))


class GitHistory:
    """One local clone, with or without a work tree.

    Raises:
        InputError: there is no repository.
    """

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        try:
            self.git("rev-parse", "--verify", "HEAD^{commit}")
        except HarnessError as error:
            raise InputError(
                f"no git repository with a commit ({error})",
                where=str(repo),
                remedy="give the folder of a local clone",
            ) from None

    def steps(self, *, since: str | None, until: str | None, paths: Sequence[str]) -> list[Commit]:
        """Steps of the main line that change source and tests, newest first.

        Args:
            since: only commits after this date, as git reads dates.
            until: only commits before it.
            paths: only commits that touch one of these.
        """
        words = ["log", "--first-parent", f"--format={_FIELDS}"]
        words += [f"--since={since}"] if since else []
        words += [f"--until={until}"] if until else []
        text = self.git(*words, "HEAD", "--", *paths).decode("utf-8", "replace")
        found = []
        for entry in text.split("\x1e"):
            fields = entry.strip("\n").split("\x1f")
            if len(fields) != 4 or not fields[1]:
                continue
            sha, parents, at, message = fields
            parent = parents.split()[0]
            if " " in parents and len(message.strip().splitlines()) == 1:
                message = f"{message.strip()}\n\n{self._inner(parent, sha)}"
            changed = self._changed(parent, sha)
            source = tuple(path for path in changed if purpose(path) == "source")
            tests = tuple(path for path in changed if purpose(path) == "test")
            if any(map(is_code, source)) and any(map(is_code, tests)):
                found.append(
                    Commit(
                        sha=sha,
                        parent=parent,
                        at=at,
                        message=message,
                        merge=" " in parents,
                        source=source,
                        tests=tests,
                    )
                )
        return found

    def head(self) -> str:
        """The newest commit."""
        return self.git("rev-parse", "HEAD").decode().strip()

    def describe(self, commit: str) -> str | None:
        """The version of the newest tag before a commit, without its `v`."""
        try:
            tag = self.git("describe", "--tags", "--abbrev=0", commit).decode().strip()
        except HarnessError:
            return None
        match = re.search(r"\d+(\.\d+)+", tag)
        return match[0] if match else None

    def tree(self, commit: str) -> tuple[File, ...]:
        """Regular files of a commit; links, submodules and very large files are left out."""
        listed = []
        for entry in self.git("ls-tree", "-r", "-z", "--long", commit).split(b"\0"):
            meta, _, name = entry.partition(b"\t")
            fields = meta.split()
            if fields and fields[0] in {b"100644", b"100755"} and int(fields[3]) <= _MAX_FILE_BYTES:
                path = name.decode("utf-8", "surrogateescape")
                listed.append((path, fields[2], 0o755 if fields[0] == b"100755" else 0o644))
        blobs = self._blobs([sha for _, sha, _ in listed])
        return tuple(File(path=path, data=blobs[sha], mode=mode) for path, sha, mode in listed)

    def files(self, commit: str, paths: Sequence[str]) -> tuple[File, ...]:
        """Those of some paths that are regular files in a commit."""
        wanted = set(paths)
        return tuple(file for file in self.tree(commit) if file.path in wanted)

    def diff(self, before: str, after: str, paths: Sequence[str]) -> str:
        """The change of some paths; bytes that are not UTF-8 as surrogates."""
        data = self.git(
            *(
                "diff",
                "--no-ext-diff",
                "--no-textconv",
                "--no-renames",
                "--no-color",
                "--full-index",
            ),
            *("--src-prefix=a/", "--dst-prefix=b/", before, after, "--", *paths),
        )
        return data.decode("utf-8", "surrogateescape")

    def _inner(self, parent: str, merge: str) -> str:
        """What the commits of a merge say, where the merge itself says nothing."""
        words = ("log", "--no-merges", f"--max-count={_INNER}", "--format=%B", f"{parent}..{merge}")
        return self.git(*words).decode("utf-8", "replace")

    def _changed(self, before: str, after: str) -> list[str]:
        data = self.git("diff", "--name-only", "--no-renames", "-z", before, after)
        return [name.decode("utf-8", "surrogateescape") for name in data.split(b"\0") if name]

    def _blobs(self, shas: Sequence[bytes]) -> dict[bytes, bytes]:
        wanted = list(dict.fromkeys(shas))
        data = self.git("cat-file", "--batch", stdin=b"".join(sha + b"\n" for sha in wanted))
        found, at = {}, 0
        for sha in wanted:
            end = data.index(b"\n", at)
            size = int(data[at:end].split()[2])
            found[sha] = data[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def git(self, *words: str, stdin: bytes = b"") -> bytes:
        """Run git on the clone with nothing of anybody's configuration.

        Raises:
            HarnessError: git failed.
        """
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        safe = (
            "-c",
            "safe.directory=*",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "log.showSignature=false",  # else git starts the clone's own `gpg.program`
        )
        try:
            done = subprocess.run(
                ["git", *safe, *words],
                cwd=self._repo,
                env=env,
                input=stdin,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HarnessError(f"git {words[0]}: {error}") from None
        if done.returncode:
            text = " ".join(done.stderr.decode("utf-8", "replace").split())
            raise HarnessError(f"git {words[0]} failed: {text[:300]}")
        return done.stdout
