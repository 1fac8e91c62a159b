"""A sandbox around another: it does what that one does, but for what a subclass does instead."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from arena.protocols import Pipe, Sandbox
from arena.records import Change, Entry, ExecResult, File


class SandboxWrapper:
    """Passes everything on."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner

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
        """As `Sandbox.exec`."""
        return self._inner.exec(
            argv,
            timeout_s=timeout_s,
            output_limit=output_limit,
            cwd=cwd,
            env=env,
            user=user,
            stdin=stdin,
        )

    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> AbstractContextManager[Pipe]:
        """As `Sandbox.pipe`."""
        return self._inner.pipe(argv, user=user, with_input=with_input)

    def put(self, files: Sequence[File], *, owner: int = 0) -> None:
        """As `Sandbox.put`."""
        self._inner.put(files, owner=owner)

    def get(self, path: str, *, limit: int) -> Entry:
        """As `Sandbox.get`."""
        return self._inner.get(path, limit=limit)

    def know_image(self) -> None:
        """As `Sandbox.know_image`."""
        self._inner.know_image()

    def changes(self, *, limit: int) -> list[Change]:
        """As `Sandbox.changes`."""
        return self._inner.changes(limit=limit)

    def kill(self) -> None:
        """As `Sandbox.kill`."""
        self._inner.kill()

    @property
    def resource_ended(self) -> str | None:
        """As `Sandbox.resource_ended`."""
        return self._inner.resource_ended
