"""Lets one verification run alone: what ran out of time or memory among others is repeated so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Quiet:
    """Many may share; one may ask to be alone, waits for the rest, and keeps new ones out."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._sharing = 0
        self._alone = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Run beside others."""
        with self._condition:
            self._condition.wait_for(lambda: self._alone == 0)
            self._sharing += 1
        try:
            yield
        finally:
            with self._condition:
                self._sharing -= 1
                self._condition.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run when nothing else does; several who ask take turns."""
        with self._condition:
            self._alone += 1
            self._condition.wait_for(lambda: self._sharing == 0)
            self._sharing = -1
        try:
            yield
        finally:
            with self._condition:
                self._alone -= 1
                self._sharing = 0
                self._condition.notify_all()
