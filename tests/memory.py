"""Sandboxes that are only a dictionary of files: for measuring the driver, not for running code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from arena.errors import HarnessError
from arena.protocols import Pipe
from arena.records import Change, Entry, ExecResult, File, SandboxLimits
from arena.records.container import WORKDIR
from arena.sandbox.files import inside

Script = Callable[["MemorySandbox", Sequence[str], bytes], ExecResult]
"""Plays a command: may read and write `files`, and says how the command ended."""


class MemorySandbox:
    """Files by absolute path.

    Args:
        tree: the image's work tree, relative to `workdir`.
        workdir: the work tree.
        script: plays the commands.
    """

    def __init__(self, tree: Sequence[File], workdir: str, script: Script) -> None:
        self._workdir = workdir
        self._script = script
        self._pristine = {inside(file.path, workdir): file for file in tree}
        self._killed = False
        self.files = dict(self._pristine)

    def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        output_limit: int = 1_000_000,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stdin: bytes = b"",
    ) -> ExecResult:
        """Play a command."""
        if self._killed:
            return ExecResult(exit_code=None, ended="container_ended", wall_s=0.0)
        result = self._script(self, argv, stdin)
        kept = {"stdout": result.stdout[:output_limit], "stderr": result.stderr[:output_limit]}
        return result.model_copy(update=kept)

    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> AbstractContextManager[Pipe]:
        """No program runs here."""
        raise HarnessError(f"{argv[0]} cannot be talked to in a sandbox without programs")

    def put(self, files: Sequence[File], *, owner: int = 0) -> None:
        """Write files, replacing files and folders at their paths."""
        for file in files:
            path = inside(file.path, self._workdir)
            for other in list(self.files):
                if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
                    del self.files[other]
            self.files[path] = file

    def get(self, path: str, *, limit: int) -> Entry:
        """Read what is at a path."""
        full = inside(path.rstrip("/"), self._workdir)
        file = self.files.get(full)
        if file is None:
            folder = any(other.startswith(f"{full}/") for other in self.files)
            return Entry(kind="directory" if folder else "absent")
        if len(file.data) > limit:
            return Entry(kind="file", too_large=True)
        return Entry(kind="file", data=file.data, mode=file.mode)

    def know_image(self) -> None:
        """Nothing is to be read."""

    def changes(self, *, limit: int) -> list[Change]:
        """Files of the work tree that differ from the image, sorted."""
        below = f"{self._workdir}/"
        now = {path: file for path, file in self.files.items() if path.startswith(below)}
        found = []
        for path in sorted({*now, *self._pristine}):
            old, new = self._pristine.get(path), now.get(path)
            if _same(old, new):
                continue
            kind = "added" if old is None else "deleted" if new is None else "modified"
            name = path.removeprefix(below)
            found.append(Change.model_validate({"path": name, "kind": kind}))
        return found[: limit + 1]

    def kill(self) -> None:
        """No command is played any more."""
        self._killed = True

    @property
    def resource_ended(self) -> str | None:
        """Nothing is ever exhausted."""
        return None


class MemoryEngine:
    """Opens sandboxes whose commands are played by a function.

    Args:
        trees: the work tree of each image.
        script: plays the commands of every sandbox; called from several threads.
    """

    def __init__(self, trees: Mapping[str, Sequence[File]], script: Script) -> None:
        self._trees = trees
        self._script = script

    @contextmanager
    def open(
        self,
        image: str,
        *,
        limits: SandboxLimits,
        labels: Mapping[str, str],
        user: str,
        workdir: str = WORKDIR,
        channel: bool = False,
        layer: str | None = None,
        volumes: Sequence[str] = (),
    ) -> Iterator[MemorySandbox]:
        """A sandbox with the files of an image."""
        yield MemorySandbox(self._trees[image], workdir, self._script)

    def check_disk_space(self, since: float) -> None:
        """Memory is no disk."""


def _same(old: File | None, new: File | None) -> bool:
    if old is None or new is None:
        return old is new
    return old.data == new.data and (old.mode ^ new.mode) & 0o100 == 0
