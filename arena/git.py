"""The one module that starts git: in repositories of ours, with settings of ours, within limits.

Settings of the repository that git works in may name programs. A clone is therefore never git's
repository: `BorrowedClone` makes an empty one beside it, links its object files into that one by
one, and reads its references as text. Git sees no settings, attributes, hooks, grafts,
replacements, alternates or commit graphs of the clone.
"""

import os
import re
import resource
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from arena.errors import HarnessError, InputError
from arena.paths import SafePath

_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
}
_SETTINGS = """\
[core]
	repositoryformatversion = {version}
	bare = true
	hooksPath = /dev/null
	bigFileThreshold = 4m
	packedGitLimit = 256m
	packedGitWindowSize = 32m
{extensions}"""
# Stands above every `.gitattributes`: text is compared and written as it is
_ATTRIBUTES = "* !diff !text !eol !crlf !ident !filter !working-tree-encoding !whitespace !merge\n"
_MEMORY_BYTES = 2 << 30
_COMPLAINT_BYTES = 1 << 20
_REFERENCES_BYTES = 64 << 20
_SYMBOLIC_DEPTH = 5

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TAG = re.compile(r"refs/tags/(?:[\w+-][\w.+-]*/)*[\w+-][\w.+-]*(?<!\.)(?<!\.lock)", re.ASCII)
_GITDIR = re.compile(r"gitdir: (.*\S)\s*")
_WORKTREE = re.compile(r"^[^\S\n]*worktree\s*=\s*\"?([^\"\n]*[^\"\s])", re.MULTILINE)
NOTES = "refs/notes/commits"
"""Where `git notes` keeps what people said of commits later."""
_REMEDY = "give the folder of a whole local clone"


class GitError(HarnessError):
    """Git refused; the message says why on one line."""


class GitLimitError(GitError):
    """Git took too long, or said too much."""


def run_git(
    words: Sequence[str],
    *,
    cwd: Path,
    git_dir: Path | None,
    stdin: bytes = b"",
    timeout_s: float = 60.0,
    output_limit: int = 64 << 20,
    codes: Sequence[int] = (0,),
) -> bytes:
    """What git prints, in a folder and with a repository of ours, which it may not need.

    `codes` of its exit are no failure; any other or a limit reached is a `GitError`, no git a
    `HarnessError`.
    """
    env = {**_ENV, "GIT_CEILING_DIRECTORIES": str(cwd.parent)}
    if git_dir:
        env["GIT_DIR"] = str(git_dir)
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        try:
            process = subprocess.Popen(
                ["git", *words],
                cwd=cwd,
                env=env,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise HarnessError("git is not installed; install the package git") from error
        except (OSError, ValueError) as error:
            raise GitError(f"git {words[0]} cannot be asked that: {error}") from None
    with process:
        try:
            said, complaint = _output(process, time.monotonic() + timeout_s, output_limit)
        except GitLimitError as error:
            raise GitLimitError(f"git {words[0]} {error}") from None
        finally:
            process.kill()
    if process.returncode not in codes:
        text = " ".join(complaint.decode("utf-8", "replace").split())
        raise GitError(f"git {words[0]} failed: {text[:300]}")
    return said


def _output(process: "subprocess.Popen[bytes]", deadline: float, limit: int) -> tuple[bytes, bytes]:
    """Output and complaints of a process that ends by itself."""
    if sys.platform == "linux":
        with suppress(OSError):
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    assert process.stdout
    assert process.stderr
    held = {process.stdout: (bytearray(), limit), process.stderr: (bytearray(), _COMPLAINT_BYTES)}
    with selectors.DefaultSelector() as waiting:
        for stream, entry in held.items():
            waiting.register(stream, selectors.EVENT_READ, entry)
        while waiting.get_map():
            ready = waiting.select(max(deadline - time.monotonic(), 0))
            if not ready or time.monotonic() > deadline:
                raise GitLimitError("takes too long")
            for key, _ in ready:
                got, most = key.data
                data = os.read(key.fd, 1 << 16)
                got += data
                if len(got) > most:
                    raise GitLimitError("says too much")
                if not data:
                    waiting.unregister(key.fileobj)
    try:
        process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise GitLimitError("takes too long") from None
    out, complaint = (bytes(got) for got, _ in held.values())
    return out, complaint


def make_repository(folder: Path, *, id_chars: int = 40) -> None:
    """An empty bare repository; its object ids have 40 digits, or 64."""
    for name in ("objects/pack", "refs", "info"):
        (folder / name).mkdir(parents=True)
    long = id_chars == 64
    extensions = "[extensions]\n\tobjectFormat = sha256\n" if long else ""
    settings = _SETTINGS.format(version=int(long), extensions=extensions)
    (folder / "config").write_text(settings, encoding="utf-8")
    (folder / "info/attributes").write_text(_ATTRIBUTES, encoding="utf-8")
    (folder / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")


class BorrowedClone:
    """The history of somebody's clone, in a repository of ours that lasts as long as this object.

    Safe from several threads. A folder without a whole clone, work tree or submodule of one, or
    with anything that leads out of it, is an `InputError`.
    """

    def __init__(self, folder: Path) -> None:
        clone = _Clone(folder)
        self.prefix = clone.prefix
        """The folder inside the clone, with `/` at its end; empty at the top."""
        self.head = clone.head()
        """The id of the newest commit."""
        own = Path(tempfile.mkdtemp(prefix="arena-clone-")).resolve()
        weakref.finalize(self, shutil.rmtree, own, ignore_errors=True)
        make_repository(own, id_chars=len(self.head))
        clone.lend(own)
        (own / "HEAD").write_text(self.head + "\n", encoding="utf-8")
        self.run = partial(run_git, cwd=own, git_dir=own)
        """Starts git in it; paths among its words are names, never patterns."""
        try:
            self.commit(self.head)
        except GitError as error:
            what = f"no git repository with a whole commit ({error})"
            raise InputError(what, where=str(folder), remedy=_REMEDY) from None

    def commit(self, name: str) -> str:
        """The id of a commit by a name that may be anybody's text; a `GitError` where none is."""
        words = ("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        return self.run(words).decode().strip()


class _Clone:
    """Where a clone keeps what is read of it, followed through no link."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            inner = folder.resolve(strict=True)
        except (OSError, RuntimeError):
            raise self._refused("no such folder") from None
        top = next((one for one in (inner, *inner.parents) if os.path.lexists(one / ".git")), inner)
        bare = all((inner / name).exists() for name in ("HEAD", "objects", "refs"))
        if bare and not os.path.lexists(inner / ".git"):
            top, self._git_dir = inner, inner
        else:
            self._git_dir = top / ".git"
        self._common = self._git_dir
        inside = inner.relative_to(top).as_posix()
        self.prefix = "" if inside == "." else f"{inside}/"
        if self._git_dir.is_symlink():
            raise self._refused(f"no git repository: {self._git_dir} is a link")
        if self._git_dir.is_file():
            self._follow(self._git_dir, top)
        if not self._git_dir.is_dir():
            raise self._refused("no git repository")

    def _follow(self, file: Path, top: Path) -> None:
        """A work tree or a submodule names its repository, which must name it too."""
        match = _GITDIR.fullmatch(self._text(top, file.name))
        named = Path(os.path.normpath(top / match[1])) if match else top
        self._git_dir = self._common = named.resolve()
        if named.parent.name == "worktrees":
            self._common = self._git_dir.parent.parent
            back, wanted = self._text(self._git_dir, "gitdir").strip(), file
        else:
            told = _WORKTREE.search(self._text(self._git_dir, "config"))
            back, wanted = told[1] if told else "", top
        if not back or (self._git_dir / back).resolve() != wanted:
            what = f"no git repository: {file} leads to {named}, which does not lead back"
            raise self._refused(what)

    def head(self) -> str:
        """The id of the commit that is checked out."""
        text = self._text(self._git_dir, "HEAD").strip()
        for _ in range(_SYMBOLIC_DEPTH):
            if _ID.fullmatch(text) or not text.startswith("ref: refs/"):
                break
            text = self._reference(text.removeprefix("ref: "))
        if _ID.fullmatch(text):
            return text
        if (self._common / "reftable").is_dir():
            raise InputError(
                "its references are in the reftable format",
                where=str(self._folder),
                remedy="run git refs migrate --ref-format=files in it",
            )
        raise self._refused("no git repository with a commit: HEAD names none")

    def lend(self, own: Path) -> None:
        """Link the object files into a repository of ours, with its tags and notes."""
        try:
            for folder in (SafePath(self._common) / "objects").iterdir():
                if folder.name == "pack" or re.fullmatch("[0-9a-f]{2}", folder.name):
                    self._lend(folder, own / "objects" / folder.name)
            names = {name: text for name, text in self._lent() if len(text) == len(self.head())}
        except OSError as error:
            raise self._refused(f"its objects cannot be read ({error})") from None
        lines = "".join(f"{text} {name}\n" for name, text in sorted(names.items()))
        (own / "packed-refs").write_text(lines, encoding="utf-8")
        edge = self._text(self._common, "shallow").split("\n")
        if known := [f"{line}\n" for line in edge if _ID.fullmatch(line)]:
            (own / "shallow").write_text("".join(known), encoding="utf-8")

    def _lend(self, folder: SafePath, to: Path) -> None:
        to.mkdir(exist_ok=True)
        for file in folder.iterdir():
            if not file.is_file():
                raise self._refused(f"{file} is no regular file")
            if folder.name != "pack" or file.suffix in {".pack", ".idx"}:
                (to / file.name).symlink_to(str(file))

    def _reference(self, name: str) -> str:
        return self._text(self._common, name).strip() or dict(self._packed()).get(name, "")

    def _lent(self) -> Iterator[tuple[str, str]]:
        if _ID.fullmatch(notes := self._reference(NOTES)):
            yield NOTES, notes
        yield from (pair for pair in self._packed() if _is_tag(pair[0]))
        for file in (SafePath(self._common) / "refs/tags").files():
            path = "/".join(file.parts)
            text = self._text(self._common, path).strip()
            if _is_tag(path) and _ID.fullmatch(text):
                yield path, text

    def _packed(self) -> Iterator[tuple[str, str]]:
        for line in self._text(self._common, "packed-refs").split("\n"):
            text, _, name = line.partition(" ")
            if _ID.fullmatch(text):
                yield name, text

    def _text(self, folder: Path, name: str) -> str:
        """A small regular file; empty where there is none."""
        try:
            data = (SafePath(folder) / name).read_bytes(_REFERENCES_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise self._refused(f"{folder / name} cannot be read ({error})") from None
        return data.decode("utf-8", "replace")

    def _refused(self, what: str) -> InputError:
        return InputError(what, where=str(self._folder), remedy=_REMEDY)


def _is_tag(name: str) -> bool:
    return ".." not in name and ".lock/" not in name and _TAG.fullmatch(name) is not None
