"""One running container as a `Sandbox`."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from arena.errors import EngineError, HarnessError
from arena.records import Change, Entry, ExecResult, File
from arena.records.container import TRUSTED
from arena.sandbox import files
from arena.sandbox.docker import Connection, EngineRefusedError
from arena.sandbox.exec import ENV, KILLED, NOTHING, Command, Commands, End, Output, Where
from arena.sandbox.files import WorkTree
from arena.sandbox.stream import ExecLink

_NOTICE_S = 0.1
_NOTICE_TRIES = 4
"""How long the engine may take to tell, after a killed command, why: memory, or its container."""
_CANNOT_RUN = 126
_NOT_RUNNING = 409
_TREE_HEADROOM = 64 << 20


class DockerSandbox:
    """A container from its start to its removal, made by `DockerEngine.open`.

    Args:
        connection: the engine.
        where: the container.
        pristine: gives the image's work tree.
    """

    def __init__(
        self, connection: Connection, where: Where, pristine: Callable[[], WorkTree]
    ) -> None:
        self.where = where
        self._connection = connection
        self._pristine = pristine
        self._commands = Commands(connection, where, self.notice, self.kill)
        self._tree: WorkTree | None = None
        self._touched = False
        self._killed = False
        self._evidence: str | None = None

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
        """Run a command to its end; see `Sandbox.exec`.

        On timeout everything that its user runs in the container is killed, whatever group,
        session or parent it has moved to.
        """
        started = time.monotonic()
        command = _command(argv, env)
        self._tree, self._touched = None, True
        if any("\0" in word for word in command):
            message = b"a command cannot hold a NUL byte\n"
            return ExecResult(exit_code=_CANNOT_RUN, stderr=message, wall_s=0.0)
        deadline = started + timeout_s
        who = user or self.where.user
        try:
            done = self._commands.run(Command(command, cwd, who, stdin, output_limit, deadline))
        except EngineRefusedError as error:
            if error.status != _NOT_RUNNING:
                raise
            done = NOTHING
        return self._result(done, time.monotonic() - started)

    @contextmanager
    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> "Iterator[ExecPipe]":
        """Start a program and talk to it; see `Sandbox.pipe`."""
        self._tree, self._touched = None, True
        link, ident = self._commands.start(
            _command(argv, None), cwd=None, user=user or self.where.user, with_input=with_input
        )
        try:
            yield ExecPipe(link, lambda: self._is_running(ident), lambda: self._ended_with(ident))
        finally:
            link.close()

    def put(self, files_: Sequence[File], *, owner: int = 0) -> None:
        """Write regular files, replacing whatever is at their paths.

        Parent folders below the volume that holds a file become `owner`'s.

        Raises:
            HarnessError: a path in no volume: nothing can be put into the image's own folders.
        """
        volumes: dict[str, list[File]] = {}
        for file in files_:
            path = files.inside(file.path, self.where.workdir)
            volumes.setdefault(self._volume(path), []).append(
                file.model_copy(update={"path": path})
            )
        for volume, inner in volumes.items():
            self._tree, self._touched = None, True
            folder, tar = files.pack(inner, owner=owner, workdir=volume)
            files.write(self._connection, self.where.ident, folder, tar)

    def get(self, path: str, *, limit: int) -> Entry:
        """Read what is at an absolute path; after `changes`, as it was then."""
        full = files.inside(path.rstrip("/"), self.where.workdir)
        known = self._tree if self._touched else self._pristine()
        seen = known and known.get(full.removeprefix(f"{self.where.workdir}/"))
        if not seen:
            return files.read(
                self._connection,
                self.where.ident,
                full,
                limit=limit,
                ours=full.startswith(f"{TRUSTED}/"),
            )
        if seen.kind == "file" and len(seen.data) > limit:
            return Entry(kind="file", too_large=True)
        return seen

    def know_image(self) -> None:
        """See `arena.protocols.Sandbox.know_image`."""
        self._pristine()

    def changes(self, *, limit: int) -> list[Change]:
        """Files and links of the work tree that differ from the image, sorted.

        Compared by content, kind and the owner's `x`. Folders are not listed: a new one shows as
        its files, a removed one as its files' deletion. A `.git` at the top is left out. A tree
        that grew beyond every limit is read in part; deletions are then not known.
        """
        limit_bytes = (self.where.limits.disk_mb << 21) + _TREE_HEADROOM
        self._tree = files.read_tree(
            self._connection,
            self.where.ident,
            self.where.workdir,
            self._pristine(),
            limit=limit_bytes,
        )
        return self._tree.changes(limit=limit)

    @property
    def untouched(self) -> bool:
        """Whether everything in it is still as in the image."""
        return not self._touched

    def kill(self) -> None:
        """End every process now."""
        if not self._killed:
            self.end(None)

    @property
    def resource_ended(self) -> str | None:
        """Which limit stopped something in this container: `memory`, `disk` or `pids`."""
        return self._evidence

    def notice(self, evidence: str) -> None:
        """Take in what the engine or a watcher saw. Safe from other threads."""
        self._evidence = self._evidence or evidence

    def end(self, evidence: str | None) -> None:
        """Kill the container, with the limit that it broke, if any. Safe from other threads."""
        if evidence:
            self.notice(evidence)
        self._killed = True
        try:
            with self._connection.guard():
                self._connection.raw.kill(self.where.ident)
        except EngineRefusedError as error:
            if error.status != _NOT_RUNNING:
                raise

    def close(self) -> None:
        """Let go of the connection to the shell."""
        self._commands.close()

    def _is_running(self, ident: str) -> bool:
        with self._connection.guard():
            return bool(self._connection.raw.exec_inspect(ident)["Running"])

    def _ended_with(self, ident: str) -> int | None:
        code = self._commands.exit_code(ident)
        return None if code == KILLED and not self._runs() else code

    def _volume(self, path: str) -> str:
        for volume in self.where.writable:
            if path.startswith(f"{volume}/"):
                return volume
        raise HarnessError(f"not a path that a sandbox can take files at: {path!r}")

    def _result(self, done: Output, wall_s: float) -> ExecResult:
        result = ExecResult(
            exit_code=done.exit_code,
            stdout=done.out.data,
            stderr=done.err.data,
            truncated_bytes=done.out.dropped + done.err.dropped,
            wall_s=wall_s,
        )
        if done.end is End.DEADLINE:
            return result.model_copy(update={"exit_code": None, "ended": "timeout"})
        if done.exit_code == KILLED and not self._runs():
            return result.model_copy(update={"exit_code": None, "ended": "container_ended"})
        return result

    def _runs(self) -> bool:
        """Whether the container still runs after a command was killed.

        Commands cannot end it, for they run as another user than its main process. When neither
        we nor its memory limit did, it was somebody outside.
        """
        state = self._state()
        for _ in range(_NOTICE_TRIES):
            if self._killed or self._evidence or not state["Running"]:
                break
            time.sleep(_NOTICE_S)
            state = self._state()
        if state["Running"] and not self._killed:
            return True
        if state["OOMKilled"] and not self._killed:
            self.notice("memory")
        if not self._killed and not self._evidence:
            raise EngineError(f"container {self.where.ident[:12]} was ended from outside")
        return False

    def _state(self) -> dict[str, Any]:
        with self._connection.guard():
            fields = self._connection.raw.inspect_container(self.where.ident)
        state: dict[str, Any] = fields["State"]
        return state


class ExecPipe:
    """A started program as a `Pipe`."""

    def __init__(
        self, link: ExecLink, running: Callable[[], bool], ended_with: Callable[[], int | None]
    ) -> None:
        self.fileno = link.fileno
        self.send = link.send
        self.read = link.read
        self.running = running
        self.exit_code = ended_with
        self._link = link

    @property
    def unsent(self) -> int:
        """Bytes of input that are still queued."""
        return self._link.unsent


def _command(argv: Sequence[str], env: Mapping[str, str] | None) -> list[str]:
    words = [word.encode("utf-8", "replace").decode() for word in argv]
    if env is None:
        return words
    return [ENV, "-i", *(f"{key}={value}" for key, value in env.items()), *words]
