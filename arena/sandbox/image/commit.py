"""A task's tree as one git commit without history, the same on every machine."""

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from arena.errors import HarnessError
from arena.records import File

_WHO = "Arena <arena@localhost> 946684800 +0000"
_CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[user]
\tname = agent
\temail = agent@localhost
"""
_KEPT = ("HEAD", "config", "index", "objects", "refs")


def committed(tree: Sequence[File], workdir: str) -> list[File]:
    """A tree at `workdir`, with a `.git` whose one commit holds it."""
    return [
        file.model_copy(update={"path": f"{workdir}/{file.path}"})
        for file in (*tree, *git_folder(tree))
    ]


def git_folder(files: Iterable[File]) -> list[File]:
    """The files of a `.git` whose one commit holds `files`, paths starting with `.git/`."""
    with tempfile.TemporaryDirectory(prefix="arena-commit-") as folder:
        path = Path(folder)
        _git(path, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", "."])
        importing = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--done"]
        _git(path, importing, _stream(files))
        _git(path, ["read-tree", "main"])
        (path / "config").write_text(_CONFIG)
        return [
            File(path=f".git/{found.relative_to(path).as_posix()}", data=found.read_bytes())
            for name in _KEPT
            for found in sorted([path / name, *(path / name).rglob("*")])
            if found.is_file()
        ]


def _stream(files: Iterable[File]) -> bytes:
    message = b"Initial state"
    lines = [
        b"commit refs/heads/main",
        b"committer " + _WHO.encode(),
        b"data %d\n%s" % (len(message), message),
    ]
    for file in sorted(files, key=lambda file: file.path):
        mode = b"100755" if file.mode & 0o100 else b"100644"
        lines.append(b"M %s inline %s" % (mode, _quoted(file.path)))
        lines.append(b"data %d\n%s" % (len(file.data), file.data))
    return b"\n".join([*lines, b"done\n"])


def _quoted(path: str) -> bytes:
    text = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'.encode("utf-8", "surrogateescape")


def _git(folder: Path, words: Sequence[str], stdin: bytes = b"") -> None:
    """Run git with nothing of the user's or the machine's configuration."""
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_DIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "HOME": "/nonexistent",
    }
    try:
        subprocess.run(
            ["git", *words], cwd=folder, env=env, input=stdin, capture_output=True, check=True
        )
    except FileNotFoundError as error:
        raise HarnessError("git is not installed; install the package git") from error
    except subprocess.CalledProcessError as error:
        text = " ".join(error.stderr.decode("utf-8", "replace").split())
        raise HarnessError(f"git {words[0]} failed: {text}") from error
