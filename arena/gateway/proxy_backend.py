"""A trial's metered backend with a session in the agent's container."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from arena.backend.limiter import AgentClock
from arena.backend.meter import TrialBackend
from arena.gateway.proxy_session import ProxySession
from arena.gateway.tunnel import FORWARDER, dug
from arena.protocols import Sandbox, Transcript
from arena.records import Limits, Message, Reply, ToolSpec
from arena.records.container import LAYER_PYTHON

_NOBODY = "65534:65534"
"""Runs the forwarder: not the agent's user, whose processes may be killed all at once."""


class SessionServer(Protocol):
    """What a proxy backend needs of the gateway."""

    def serving(self, session: ProxySession) -> AbstractContextManager[None]:
        """Let in whoever has the session's token."""
        ...

    def connected(self, session: ProxySession) -> AbstractContextManager[socket.socket]:
        """A connection on which only this session's token opens anything."""
        ...


class ProxyBackend:
    """`arena.protocols.SandboxBackend` for one trial."""

    def __init__(
        self,
        gateway: "SessionServer",
        metered: TrialBackend,
        *,
        limits: Limits,
        transcript: Transcript,
        clock: AgentClock,
    ) -> None:
        self._gateway = gateway
        self._metered = metered
        self._limits = limits
        self._transcript = transcript
        self._clock = clock

    @property
    def model(self) -> str:
        """What a program must call the model."""
        return self._metered.spec.model

    @property
    def context_window(self) -> int | None:
        """Tokens that fit the model, where that is known."""
        return self._metered.spec.context_window

    def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        """As the metered backend does."""
        return self._metered.complete(messages, tools)

    @contextmanager
    def open(self, sandbox: Sandbox) -> Iterator[ProxySession]:
        """Open a session in a sandbox that has an agent's layer.

        Raises:
            EngineError: the forwarder did not start.
        """
        with self._clock.waiting():  # a translation's library takes seconds to import
            session = ProxySession(self._metered, self._limits, self._transcript, self._clock)
        forwarder = [LAYER_PYTHON, "-I", "-S", "-B", "-c", FORWARDER]
        with (
            self._gateway.serving(session),
            sandbox.pipe(forwarder, user=_NOBODY) as pipe,
            dug(pipe, lambda: self._gateway.connected(session)) as port,
        ):
            session.origin = f"http://127.0.0.1:{port}"
            yield session
