"""Two contestants lined up task by task: what every paired comparison starts from."""

from dataclasses import dataclass

import numpy as np

from arena.score.cost import Ratio, ratio_of_ratios
from arena.score.difference import Difference, NotWorse, difference, not_worse
from arena.score.interval import LEVEL, FloatArray
from arena.score.missing import MISSING_LIMIT, pair_doubt
from arena.score.tally import Tally


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two tallies over the tasks that both have in full; a task with a missing attempt of either
    is dropped for both.
    """

    a: Tally
    b: Tally
    dropped: tuple[str, ...]
    """Tasks of either that are not in the comparison."""
    doubt: str | None
    """Why the pair decides nothing: too much is missing. Numbers are shown all the same."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks compared."""
        return self.a.tasks

    @property
    def single(self) -> bool:
        """Whether every task had one attempt by each."""
        return bool((self.a.planned == 1).all() and (self.b.planned == 1).all())

    @property
    def differences(self) -> FloatArray:
        """Per task, share passed by A less that passed by B."""
        gaps: FloatArray = self.a.means - self.b.means
        return gaps

    def difference(self) -> Difference | None:
        """Paired difference of pass rates; None without a shared task."""
        return difference(self.differences, single=self.single) if self.tasks else None

    def not_worse(self, margin: float) -> NotWorse | None:
        """Whether A is shown not worse than B by `margin`; None without a shared task."""
        return not_worse(self.differences, margin, single=self.single) if self.tasks else None

    def cost_per_solved_ratio(self, *, level: float = LEVEL) -> Ratio:
        """A's cost per solved task over B's."""
        columns = self._columns(self.a.passed, self.b.passed)
        return Ratio() if columns is None else ratio_of_ratios(columns, level=level)

    def cost_per_attempt_ratio(self, *, level: float = LEVEL) -> Ratio:
        """A's mean cost per attempt over B's."""
        columns = self._columns(self.a.scored, self.b.scored)
        return Ratio() if columns is None else ratio_of_ratios(columns, level=level)

    @property
    def bases_differ(self) -> bool:
        """Whether the two costs count different things, so that no ratio of them means anything."""
        return None not in {self.a.basis, self.b.basis} and self.a.basis != self.b.basis

    def _columns(self, per_a: FloatArray, per_b: FloatArray) -> FloatArray | None:
        if self.a.cost_usd is None or self.b.cost_usd is None:
            return None
        if self.bases_differ or not self.tasks:
            return None
        return np.stack((self.a.cost_usd, per_a, self.b.cost_usd, per_b), axis=1)


def pair(a: Tally, b: Tally, *, limit: float = MISSING_LIMIT) -> Pair:
    """Line two contestants up on the tasks that both have in full.

    Args:
        a: one.
        b: the other.
        limit: share of either's planned attempts that may be missing without a doubt.
    """
    doubt = pair_doubt(a, b, limit)
    kept_a, kept_b = a.complete, b.complete
    if a.tasks == b.tasks:
        kept_a = kept_b = kept_a & kept_b
    else:
        whole = set(a.take(kept_a).tasks) & set(b.take(kept_b).tasks)
        kept_a = np.array([t in whole for t in a.tasks], dtype=bool)
        kept_b = np.array([t in whole for t in b.tasks], dtype=bool)
    left_a, left_b = (a, b) if kept_a.all() and kept_b.all() else (a.take(kept_a), b.take(kept_b))
    dropped = (set(a.tasks) | set(b.tasks)) - set(left_a.tasks)
    return Pair(left_a, left_b, tuple(sorted(dropped)), doubt)
