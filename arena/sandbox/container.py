"""One running container as a `Sandbox`."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from arena.errors import EngineError, HarnessError
from arena.records import Change, Entry, ExecResult, File, SandboxLimits
from arena.records.container import TRUSTED
from arena.sandbox import files
from arena.sandbox.docker import Connection, EngineRefusedError, Hijacked
from arena.sandbox.exec import KILLED, LINE_LIMIT, SHELL, Capture, Channel, ExecLink, line
from arena.sandbox.files import WorkTree

ENV = "/usr/bin/env"
_GRACE_S = 10.0
"""How long killed processes may take to let go of their output before the container is killed."""
_STOP_ALL = (
    "for f in /sys/fs/cgroup/pids/pids.events /sys/fs/cgroup/pids.events; do "
    '[ -r $f ] && read -r _ n <$f && [ "$n" != 0 ] && echo pids; done; kill -9 -1; echo done'
)
"""Says whether a fork was refused, then kills all that its user runs. Builtins only, for nothing
can be forked under a full process table; one signal to all at once leaves a fork bomb no gap."""
_NOTICES_S = (0.1, 0.1, 0.1, 0.1, 0.0)
"""How long the engine may take to tell, after a killed command, why: memory, or its container."""
_CANNOT_RUN = 126
_NOT_RUNNING = 409
_TREE_HEADROOM = 64 << 20


class Where(NamedTuple):
    """A started container and how it was started."""

    ident: str
    limits: SandboxLimits
    user: str
    workdir: str
    writable: tuple[str, ...]
    """Folders that are volumes: the work tree and what may be written beside it."""
    image: str
    channel: bool
    """Whether commands without input, run as `user`, share one shell."""
    services: tuple[str, ...] = ()
    """Containers of its services, each with limits of its own."""


class DockerSandbox:
    """Made by `DockerEngine.open`; `pristine` gives the image's work tree."""

    def __init__(
        self, connection: Connection, where: Where, pristine: Callable[[], WorkTree]
    ) -> None:
        self.where = where
        self._connection = connection
        self._pristine = pristine
        self._channel: Channel | None = None
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
        """See `Sandbox.exec`. On timeout everything that its user runs in the container is killed,
        whatever group, session or parent it has moved to.
        """
        started = time.monotonic()
        words, who = _words(argv, env), user or self.where.user
        self._tree, self._touched = None, True
        if any("\0" in word for word in words):
            message = b"a command cannot hold a NUL byte\n"
            return ExecResult(exit_code=_CANNOT_RUN, stderr=message, wall_s=0.0)
        alike = self.where.channel and not stdin and who == self.where.user
        marker = secrets.token_hex(16) if alike and sum(map(len, words)) < LINE_LIMIT else ""
        out, err = Capture(output_limit, marker.encode()), Capture(output_limit, marker.encode())
        code: int | None = KILLED
        try:
            if marker:
                code = self._in_channel(line(words, cwd, marker), out, err, started + timeout_s)
            else:
                code = self._in_exec(words, cwd, who, stdin, out, err, started + timeout_s)
        except EngineRefusedError as error:
            if error.status != _NOT_RUNNING:
                raise
        wall_s = time.monotonic() - started
        is_lost = code == KILLED and not self._runs()
        return ExecResult(
            exit_code=None if is_lost else code,
            stdout=out.data,
            stderr=err.data,
            ended="timeout" if code is None else "container_ended" if is_lost else "exited",
            truncated_bytes=out.dropped + err.dropped,
            wall_s=wall_s,
        )

    @contextmanager
    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> "Iterator[ExecPipe]":
        """See `Sandbox.pipe`."""
        self._tree, self._touched = None, True
        who = user or self.where.user
        taken, ident = self._start(_words(argv, None), None, who, with_input=with_input)
        with closing(ExecPipe(taken)) as pipe:
            pipe.running = lambda: bool(self._connection.raw.exec_inspect(ident)["Running"])
            pipe.exit_code = lambda: self._ended_with(ident)
            yield pipe

    def put(self, files_: Sequence[File], *, owner: int = 0) -> None:
        """See `Sandbox.put`. Folders below the volume that holds a file become `owner`'s; nothing
        can be put into the image's own: `HarnessError`.
        """
        self._tree, self._touched = None, True
        volumes: dict[str, list[File]] = {}
        for file in files_:
            path = files.inside(file.path, self.where.workdir)
            placed = file.model_copy(update={"path": path})
            volumes.setdefault(self._volume(path), []).append(placed)
        for volume, inner in volumes.items():
            files.put(self._connection, self.where.ident, inner, owner=owner, workdir=volume)

    def get(self, path: str, *, limit: int) -> Entry:
        """Read what is at an absolute path; after `changes`, as it was then."""
        full = files.inside(path.rstrip("/"), self.where.workdir)
        known = self._tree if self._touched else self._pristine()
        seen = known and known.get(full.removeprefix(f"{self.where.workdir}/"))
        if not seen:
            ours = full.startswith(f"{TRUSTED}/")
            return files.read(self._connection, self.where.ident, full, limit=limit, ours=ours)
        if seen.kind == "file" and len(seen.data) > limit:
            return Entry(kind="file", too_large=True)
        return seen

    def know_image(self) -> None:
        """See `arena.protocols.Sandbox.know_image`."""
        self._pristine()

    def changes(self, *, limit: int) -> list[Change]:
        """Files and links of the work tree that differ from the image, sorted.

        Compared by content, kind and the owner's `x`. Folders are not listed, but their files; a
        `.git` at the top is left out. A tree beyond every limit is read in part, and no deletion is
        known then.
        """
        where, pristine = self.where, self._pristine()
        most = (where.limits.disk_mb << 21) + _TREE_HEADROOM
        tree = files.read_tree(self._connection, where.ident, where.workdir, pristine, limit=most)
        self._tree = tree
        return tree.changes(limit=limit)

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
            self._connection.raw.kill(self.where.ident)
        except EngineRefusedError as error:
            if error.status != _NOT_RUNNING:
                raise

    def close(self) -> None:
        """Let go of the shared shell."""
        if self._channel:
            self._channel.close()
            self._channel = None

    def _start(
        self, words: Sequence[str], cwd: str | None, user: str, *, with_input: bool
    ) -> tuple[Hijacked, str]:
        """The connection to a program, and its id for `_exit_code`."""
        ident = self._connection.raw.exec_create(
            self.where.ident,
            list(words),
            stdin=with_input,
            user=user,
            workdir=cwd or self.where.workdir,
        )["Id"]
        return self._connection.start_exec(ident), ident

    def _exit_code(self, ident: str) -> int:
        for pause_s in (0.0, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0):
            time.sleep(pause_s)
            state = self._connection.raw.exec_inspect(ident)
            if not state["Running"]:
                return int(state["ExitCode"])
        return KILLED

    def _ended_with(self, ident: str) -> int | None:
        code = self._exit_code(ident)
        return None if code == KILLED and not self._runs() else code

    def _in_channel(self, command: str, out: Capture, err: Capture, deadline: float) -> int | None:
        """Exit code of a line of the shared shell; None at the deadline."""
        user = self.where.user
        if self._channel is None:
            self._channel = Channel(self._start(SHELL, None, user, with_input=True)[0])
        channel = self._channel
        code = channel.run(command, out, err, deadline)
        if code is None:
            self._stop(user, channel, out, err)
        if not channel.usable:
            self.close()
        return code

    def _in_exec(
        self,
        words: Sequence[str],
        cwd: str | None,
        user: str,
        stdin: bytes,
        out: Capture,
        err: Capture,
        deadline: float,
    ) -> int | None:
        """Exit code of a command with an exec of its own; None at the deadline."""
        # `env` makes a missing program exit code 127; from the engine it would be an error text
        words = words if words[0] == ENV else (ENV, *words)
        taken, ident = self._start(words, cwd, user, with_input=bool(stdin))
        with closing(ExecLink(taken)) as link:
            if stdin:
                link.send(stdin, last=True)
            if not link.drain(out, err, deadline):
                self._stop(user, link, out, err)
                return None
        return self._exit_code(ident)

    def _stop(self, user: str, link: ExecLink, out: Capture, err: Capture) -> None:
        """Kill whatever `user` runs, and the container when that does not help; output is drained
        meanwhile, for while nobody takes it the engine handles no other event of a container.
        """
        killer = threading.Thread(target=self._kill_all, args=(user,))
        killer.start()
        if not link.drain(out, err, time.monotonic() + _GRACE_S):
            self.kill()
        killer.join()

    def _kill_all(self, user: str) -> None:
        out = Capture(1000)
        with suppress(EngineError):  # whatever is wrong with the engine, the next call tells
            shell = ("/bin/sh", "-c", _STOP_ALL)
            with closing(ExecLink(self._start(shell, "/", user, with_input=False)[0])) as link:
                link.drain(out, Capture(0), time.monotonic() + _GRACE_S)
            if b"pids" in out.data or (b"done" not in out.data and self._is_crowded()):
                self.notice("pids")

    def _is_crowded(self) -> bool:
        """Whether as many processes run as may: then a shell found no room to say so itself."""
        stats = self._connection.raw.stats(self.where.ident, stream=False, one_shot=True)
        return int(stats.get("pids_stats", {}).get("current") or 0) >= self.where.limits.pids

    def _volume(self, path: str) -> str:
        for volume in self.where.writable:
            if path.startswith(f"{volume}/"):
                return volume
        raise HarnessError(f"not a path that a sandbox can take files at: {path!r}")

    def _runs(self) -> bool:
        """Whether the container still runs after a command was killed.

        Commands cannot end it, for they run as another user than its main process. When neither
        we nor its memory limit did, it was somebody outside.
        """
        for pause_s in _NOTICES_S:
            state = self._connection.raw.inspect_container(self.where.ident)["State"]
            if self._killed or self._evidence or not state["Running"]:
                break
            time.sleep(pause_s)
        if self._killed:
            return False
        if state["Running"]:
            return True
        if state["OOMKilled"]:
            self.notice("memory")
        if not self._evidence:
            raise EngineError(f"container {self.where.ident[:12]} was ended from outside")
        return False


class ExecPipe(ExecLink):
    """A started program as a `Pipe`."""

    running: Callable[[], bool]
    exit_code: Callable[[], int | None]


def _words(argv: Sequence[str], env: Mapping[str, str] | None) -> list[str]:
    words = [word.encode("utf-8", "replace").decode() for word in argv]
    if env is None:
        return words
    return [ENV, "-i", *(f"{key}={value}" for key, value in env.items()), *words]
