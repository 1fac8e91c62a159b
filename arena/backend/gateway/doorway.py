"""A trial's metered backend with a door in the agent's container."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Protocol

from arena.backend.clock import AgentClock
from arena.backend.gateway.door import Door
from arena.backend.gateway.tunnel import FORWARDER, dug
from arena.backend.meter import TrialBackend
from arena.protocols import Sandbox, Transcript
from arena.records import Ending, Limits, Message, Reply, ToolSpec
from arena.records.container import LAYER_PYTHON

_NOBODY = "65534:65534"
"""Runs the forwarder: not the agent's user, whose processes may be killed all at once."""


class Server(Protocol):
    """What a doorway needs of the gateway."""

    def serving(self, door: Door) -> AbstractContextManager[None]:
        """Let in whoever has the door's token."""
        ...

    def connected(self, door: Door) -> AbstractContextManager[socket.socket]:
        """A connection on which only this door's token opens anything."""
        ...


class GatedBackend:
    """`arena.protocols.SandboxBackend` for one trial."""

    def __init__(
        self,
        gateway: "Server",
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
    def open(self, sandbox: Sandbox) -> Iterator["OpenDoor"]:
        """Open a door in a sandbox that has an agent's layer.

        Raises:
            EngineError: the forwarder did not start.
        """
        with self._clock.waiting():  # a translation's library takes seconds to import
            door = Door(self._metered, self._limits, self._transcript, self._clock)
        forwarder = [LAYER_PYTHON, "-I", "-S", "-B", "-c", FORWARDER]
        with (
            self._gateway.serving(door),
            sandbox.pipe(forwarder, user=_NOBODY) as pipe,
            dug(pipe, lambda: self._gateway.connected(door)) as port,
        ):
            yield OpenDoor(door, port)


class OpenDoor:
    """`arena.protocols.SandboxSession`."""

    def __init__(self, door: Door, port: int) -> None:
        self._inner = door
        self.origin = f"http://127.0.0.1:{port}"
        self.token = door.token

    @property
    def calls(self) -> int:
        """Completed so far."""
        return self._door.backend.tally.steps

    @property
    def prompt_tokens(self) -> int:
        """Of all calls so far, as they were metered."""
        return self._door.backend.tally.prompt_tokens

    @property
    def output_tokens(self) -> int:
        """Of all calls so far, as they were metered."""
        return self._door.backend.tally.output_tokens

    @property
    def cost_usd(self) -> Decimal:
        """Of all calls so far; 0 where no price is known."""
        return self._door.backend.tally.cost_usd

    @property
    def remaining_s(self) -> float:
        """Seconds that the agent has left."""
        return self._inner.remaining_s

    @property
    def _door(self) -> Door:
        """With all in its books that the agent has heard."""
        self._inner.settled()
        return self._inner

    @property
    def ending(self) -> Ending | None:
        """Why no further call can succeed; None while one can. Raises the fault that ended it."""
        door = self._door
        if not door.over.is_set():
            return None
        if door.fault is not None:
            raise door.fault
        return Ending(stop=door.stop or "agent_error", detail=door.detail)
