"""Names drawn anew for each run, plain enough to pass for an author's own."""

import random
from collections.abc import Container

from arena.records.container import TRUSTED

_WORDS = (
    *("again", "also", "base", "below", "both", "bound", "brief", "chain", "common", "corner"),
    *("deep", "double", "early", "edge", "empty", "equal", "even", "extra", "first", "fixed"),
    *("full", "inner", "item", "joined", "keeps", "large", "last", "late", "local", "long"),
    *("lower", "mixed", "more", "nested", "next", "odd", "once", "order", "outer", "pair"),
    *("part", "plain", "quick", "range", "repeat", "round", "same", "second", "short", "simple"),
    *("single", "small", "split", "start", "steady", "third", "total", "twice", "upper", "whole"),
)


class Names:
    """Draws names; with `fixed` they are the same in every run."""

    def __init__(self, rng: random.Random, *, fixed: bool = False) -> None:
        self.rng = rng
        self._fixed = fixed

    def word(self, taken: Container[str] = (), *, prefix: str = "", join: str = "_") -> str:
        """A name of `prefix` and two words that is not taken yet."""
        count = 0
        while True:
            words = ("canary", str(count)) if self._fixed else self.rng.sample(_WORDS, 2)
            name = prefix + join.join(words)
            if name not in taken:
                return name
            count += 1
            if count > 1000:
                prefix += "x"

    def folder(self) -> str:
        """A folder of the trusted ones."""
        name = "grading" if self._fixed else f"{self.rng.getrandbits(64):016x}"
        return f"{TRUSTED}/{name}"

    def camel(self, taken: Container[str] = ()) -> str:
        """A name in Go's manner, starting with `Test`."""
        while True:
            snake = self.word(join=" ").title().replace(" ", "")
            name = f"Test{snake}{'' if self._fixed else self.rng.choice('ABCDEFGHIJKLMNOP')}"
            if name not in taken:
                return name
