"""What is known about one delivery."""

from dataclasses import dataclass
from typing import Any, Optional

from redeliver.states import State


@dataclass
class Delivery:
    """A message on its way; times are seconds of the dispatcher's clock."""

    name: str
    payload: Any
    state: State = State.WAITING
    attempts: int = 0
    next_at: Optional[float] = 0.0
    started_at: Optional[float] = None
    last_error: Optional[str] = None


@dataclass(frozen=True)
class Info:
    """What the outside may know about a delivery."""

    name: str
    state: State
    attempts: int
    next_at: Optional[float]
    last_error: Optional[str]
