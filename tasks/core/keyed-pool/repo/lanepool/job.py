"""One call that is to be made."""

from dataclasses import dataclass, field
from typing import Any, Callable, Hashable, Optional

from lanepool.future import Future


@dataclass(eq=False)
class Job:
    """A function, its arguments and its lane."""

    function: Callable
    args: tuple
    kwargs: dict
    lane: Optional[Hashable] = None
    future: Future = field(default_factory=Future)

    def call(self):
        """Make the call; (result, exception)."""
        try:
            return self.function(*self.args, **self.kwargs), None
        except BaseException as error:
            return None, error


@dataclass(eq=False)
class Stop:
    """Tells one worker to go home."""

    reason: Any = None
