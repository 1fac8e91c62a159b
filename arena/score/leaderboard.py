"""The leaderboard of a run: a row a contestant, every pair compared, ranks and the frontier.

Controls are apart and never ranked, impossible controls never scored, and tasks of different
assurance never share a board.
"""

from decimal import Decimal

import numpy as np

from arena.records import Assurance, Record
from arena.score.pairs import PairCell, compare_all, ranks_of
from arena.score.results import Results, TrialRow
from arena.score.row import Row, row
from arena.score.tally import TaskTally, levels, scoring_tasks, tallies
from arena.stats.intervals import frontier
from arena.stats.power import SuitePower, suite_power


class Leaderboard(Record):
    """The leaderboard over tasks of one assurance level."""

    run: str
    level: Assurance | None
    """None without a scored task."""
    other_levels: tuple[Assurance, ...]
    """Levels of tasks that are not on this board."""
    tasks: tuple[str, ...]
    attempts: int
    seed: int
    simulated: bool
    """Some endpoint was not its provider's own."""
    rows: tuple[Row, ...]
    """Best pass rate first, then cheapest, then by name; inconclusive ones last."""
    controls: tuple[Row, ...]
    pairs: tuple[PairCell, ...]
    power: SuitePower | None


def leaderboard(results: Results, level: Assurance | None = None) -> Leaderboard:
    """Score a run.

    Args:
        results: the run.
        level: assurance of the tasks to score; by default the strongest there is.

    Raises:
        InputError: no task has that level.
    """
    manifest = results.manifest
    tasks = scoring_tasks(manifest, level)
    counted = tallies(results, level)
    rows = {r.who.name: r for r in _rows(results, counted)}
    ranked = {name: counted[name] for name, r in rows.items() if not r.who.control}
    cells = compare_all(ranked)
    ranks = ranks_of(list(ranked), cells)
    shares = _frontier(ranked, {n for n, r in rows.items() if r.inconclusive}, manifest.seed)
    lines = [
        rows[name].model_copy(
            update={
                "rank": ranks[name],
                "on_frontier": shares[name][0],
                "frontier_share": shares[name][1],
            }
        )
        for name in ranked
    ]
    used = tasks[0].assurance if tasks else None
    return Leaderboard(
        run=manifest.name,
        level=used,
        other_levels=tuple(found for found in levels(manifest) if found != used),
        tasks=tuple(t.id for t in tasks),
        attempts=manifest.attempts,
        seed=manifest.seed,
        simulated=manifest.simulated,
        rows=tuple(sorted(lines, key=_order)),
        controls=tuple(r for r in rows.values() if r.who.control),
        pairs=cells,
        power=suite_power(len(tasks)) if tasks else None,
    )


def _rows(results: Results, counted: dict[str, TaskTally]) -> list[Row]:
    impossible = frozenset(t.id for t in results.tasks if t.impossible)
    trials: dict[str, list[TrialRow]] = {name: [] for name in counted}
    for trial in results.trials:
        trials[trial.contestant].append(trial)
    return [
        row(
            spec,
            counted[spec.name],
            trials[spec.name],
            impossible,
            results.waste_usd.get(spec.name, Decimal(0)),
        )
        for spec in results.manifest.contestants
    ]


def _order(line: Row) -> tuple[bool, float, float, str]:
    rate, cost = line.score.pass_rate, line.money.mean_usd
    return (
        line.inconclusive is not None,
        1.0 if rate is None else -rate,
        np.inf if cost is None else cost,
        line.who.name,
    )


def _frontier(
    ranked: dict[str, TaskTally], doubted: set[str], seed: int
) -> dict[str, tuple[bool, float | None]]:
    """Whether each contestant is on the frontier, and in which share of the bootstraps."""
    sure = {n: t for n, t in ranked.items() if n not in doubted}
    priced = [(n, t, t.cost_usd) for n, t in sure.items() if t.cost_usd is not None]
    placed: dict[str, tuple[bool, float | None]] = dict.fromkeys(ranked, (False, None))
    if not priced:
        return placed
    found = frontier(
        np.stack([t.passed for _, t, _ in priced], axis=1),
        np.stack([costs for _, _, costs in priced], axis=1),
        np.stack([t.scored for _, t, _ in priced], axis=1),
        seed=seed,
    )
    for (name, _, _), on, share in zip(priced, found.on, found.share, strict=True):
        placed[name] = (bool(on), float(share))
    return placed
