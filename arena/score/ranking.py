"""All pairs of contestants compared at once, and the ranks that this leaves open."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from arena.records import Record
from arena.score.difference import Difference
from arena.score.interval import ALPHA
from arena.score.multiple import RankRange, holm, rank_ranges
from arena.score.pair import pair
from arena.score.tally import Tally


class PairCell(Record):
    """One pair of ranked contestants; the difference is A less B."""

    a: str
    b: str
    tasks: int
    """Tasks that both have in full."""
    difference: Difference | None
    adjusted_p: float
    """Holm-adjusted over all pairs of the board; 1 when inconclusive."""
    inconclusive: str | None

    @property
    def shown_worse(self) -> str | None:
        """Name of the one that is shown to pass less, if either is."""
        if self.difference is None or self.adjusted_p > ALPHA or not self.difference.estimate:
            return None
        return self.a if self.difference.estimate < 0 else self.b


def compare_all(ranked: Mapping[str, Tally]) -> tuple[PairCell, ...]:
    """Every pair of contestants, with p-values adjusted over all of them."""
    pairs = [pair(ranked[a], ranked[b]) for a, b in combinations(ranked, 2)]
    found = [p.difference() for p in pairs]
    decided = [1.0 if d is None or p.doubt else d.p for p, d in zip(pairs, found, strict=True)]
    return tuple(
        PairCell(
            a=lined.a.who.name,
            b=lined.b.who.name,
            tasks=len(lined.tasks),
            difference=difference,
            adjusted_p=adjusted,
            inconclusive=lined.doubt or (None if difference else "no task is complete for both"),
        )
        for lined, difference, adjusted in zip(pairs, found, holm(decided), strict=True)
    )


def ranks_of(names: Sequence[str], cells: tuple[PairCell, ...]) -> dict[str, RankRange]:
    """Rank range of each contestant by pass rate."""
    place = {name: i for i, name in enumerate(names)}
    gaps, adjusted = np.zeros((len(names),) * 2), np.ones((len(names),) * 2)
    for cell in cells:
        a, b = place[cell.a], place[cell.b]
        gap = cell.difference.estimate if cell.difference else 0.0
        gaps[a, b], gaps[b, a] = gap, -gap
        adjusted[a, b] = adjusted[b, a] = cell.adjusted_p
    return dict(zip(names, rank_ranges(gaps.tolist(), adjusted.tolist()), strict=True))
