"""What can go wrong, as two families: the user's input, and the machinery.

ArenaError
├── InputError    a person can mend it: exit code 2, nothing was lost
└── FaultError    machinery broke: never a contestant's failure
    ├── EngineError     the container engine or the host under it
    ├── ProviderError   a model endpoint, after retries
    ├── UncertainError  an agent's end that may be the endpoint's doing
    └── HarnessError    our own code or files

Limits, timeouts, red tests and refusals are values, not errors.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

FaultKind = Literal["engine", "provider", "uncertain", "harness"]


class ArenaError(Exception):
    """Root of every error this package raises on purpose."""


class InputError(ArenaError):
    """What a person must mend, where (file and key, or flag), and what to do about it."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(self.line())

    def line(self) -> str:
        """The whole message on one line: `where: what; remedy`."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        text = f"{head}; {self.remedy}" if self.remedy else head
        return " ".join(text.split())


@contextmanager
def located(where: str) -> Iterator[None]:
    """Name the place of input errors raised inside, before what they name themselves."""
    try:
        yield
    except InputError as error:
        if error.where.startswith(where):
            raise
        place = f"{where}: {error.where}" if error.where else where
        raise InputError(error.what, where=place, remedy=error.remedy) from None


class FaultError(ArenaError):
    """Broken machinery; the trial has no verdict and is tried again."""

    kind: ClassVar[FaultKind]


class EngineError(FaultError):
    """The container engine refused, vanished or lost something of ours."""

    kind = "engine"


class ProviderError(FaultError):
    """A model endpoint did not serve a call, after every allowed retry; where it never will (wrong
    key, no credit) it `stops_contestant`, whose other trials are then not run.
    """

    kind = "provider"

    def __init__(self, message: str, *, stops_contestant: bool = False) -> None:
        super().__init__(message)
        self.stops_contestant = stops_contestant


class UncertainError(FaultError):
    """An agent ended badly, perhaps because its endpoint did not serve it: no failure of either."""

    kind = "uncertain"


class HarnessError(FaultError):
    """Our own machinery broke: a missing file, a full disk, a bug."""

    kind = "harness"
