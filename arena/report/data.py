"""`arena report --format json`: the numbers of a run for other programs.

Unknown is null. Money is in US dollars and billed unless a name says otherwise, times are in
seconds, rates are shares. No value is ever NaN or infinite.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from textwrap import indent

from pydantic import Field, TypeAdapter

from arena.records import Api, Assurance, CostStatus, Record, Stop, Verdict
from arena.score.groups import Group, groups
from arena.score.leaderboard import Leaderboard
from arena.score.results import CostBasis, Results, Tokens, TrialRow
from arena.score.row import Row
from arena.stats.interval import Interval
from arena.stats.multiple import RankRange

SCHEMA = 1


class RankingData(Record):
    """Cost as contestants are ranked on it: standard-cache cost where known, else billed."""

    basis: CostBasis | None
    mean_cost_usd: float | None
    """Per attempt."""
    cost_per_solved_usd: float | None
    cost_per_solved_ci: Interval | None
    """95% Fieller interval; null when not estimable."""


class ContestantData(Record):
    """One contestant, controls included."""

    name: str
    control: bool
    agent: str
    backend: str | None
    provider: str | None
    lab: str | None
    country: str | None
    open_weights: bool | None
    simulated: bool
    """The endpoint is not the provider's own: no number may carry the vendor's name."""
    api: Api | None
    """What the endpoint was spoken to in: `chat`, `messages` or `responses`."""
    translated_from: Api | None
    """What the agent speaks, where the gateway translated that."""
    caveats: tuple[str, ...]
    """What must stand beside its numbers, such as a route without prompt caching."""
    digest: str
    trials: int
    scored: int
    passed: int
    failed: int
    """Every scored verdict but `passed`."""
    faults: int
    not_run: int
    pass_rate: float | None
    pass_rate_ci: Interval | None
    """95% Wilson interval on task means at the effective number of attempts."""
    missing: int
    """Trials without a verdict; they are in no rate."""
    pass_rate_bounds: Interval | None
    """Share of the planned trials that passed if all missing ones had failed, or had passed."""
    pass_at_k: float | None
    pass_hat_k: float | None
    rank: RankRange | None
    cost_usd: float | None
    """All that was spent; null when partial or unknown."""
    cost_known_usd: float
    """The known part: a lower bound."""
    cost_no_cache_usd: float | None
    """The same calls with every prompt token at the input price."""
    cost_standard_usd: float | None
    """The same calls with repeated tokens, and only those, at the cached price."""
    cost_status: CostStatus
    mean_concurrency: float | None
    """For a machine paid by the hour: calls in flight on average while it was busy."""
    cost_per_solved_usd: float | None
    """Billed cost of the scored trials over passed ones; null at zero solved."""
    ranking: RankingData
    tokens: Tokens
    median_wall_s: float | None
    median_active_s: float | None
    mistakes: int
    truncations: int
    flags: dict[str, int]
    verdicts: dict[str, int]
    stops: dict[str, int]
    inconclusive: str | None
    on_frontier: bool
    frontier_share: float | None


@dataclass(frozen=True, slots=True)
class TrialData:
    """One trial after its last try; a dataclass, since a run may have a hundred thousand."""

    id: str
    task: str
    contestant: str
    attempt: int
    stop: Stop | None
    verdict: Verdict | None
    fault: str | None
    """Kind of the fault that ended the last try."""
    fault_message: str | None
    tries: int
    cost_usd: float | None
    cost_known_usd: float
    cost_status: CostStatus
    steps: int
    calls: int
    wall_s: float
    active_s: float
    tokens: Tokens


class ReportData(Record):
    """A run."""

    schema_version: int = Field(default=SCHEMA, serialization_alias="schema")
    run: str
    run_id: str
    arena_version: str
    simulated: bool
    tasks: int
    """Scored tasks."""
    assurance: Assurance | None
    """How the scored tasks are graded; null without one."""
    other_assurance: tuple[Assurance, ...]
    """Of tasks that are in no rate here."""
    quarantined: dict[str, tuple[str, ...]]
    """Tests that proved unstable and decide nothing, by task."""
    attempts: int
    """Planned for each pairing of task and contestant."""
    smallest_gap: float | None
    """Difference of pass rates that this many tasks see with 80% power."""
    stopped: dict[str, str]
    """Contestants that were stopped, with the reason."""
    contestants: tuple[ContestantData, ...]
    groups: tuple[Group, ...]
    """Contestants together by lab country, open weights, provider and agent."""
    trials: tuple[TrialData, ...]
    """The last field, for `chunks`."""


def document(results: Results, board: Leaderboard) -> ReportData:
    """A run as one record."""
    manifest = results.manifest
    return ReportData(
        run=manifest.name,
        run_id=manifest.run_id,
        arena_version=manifest.arena_version,
        simulated=board.simulated,
        tasks=len(board.tasks),
        assurance=board.level,
        other_assurance=board.other_levels,
        quarantined={t.id: t.quarantined for t in results.tasks if t.quarantined},
        attempts=board.attempts,
        smallest_gap=board.power.smallest_gap if board.power else None,
        stopped=results.stopped,
        contestants=tuple(
            _contestant(row, results.mean_concurrency.get(row.who.name))
            for row in (*board.rows, *board.controls)
        ),
        groups=groups(results, board.level),
        trials=tuple(map(_trial, results.trials)),
    )


def dumps(document: ReportData) -> str:
    """The record as JSON text."""
    return "".join(chunks(document))


def chunks(document: ReportData) -> Iterator[str]:
    """The same in pieces, the last of them a trial each."""
    empty = document.model_copy(update={"trials": ()})
    end = "[]\n}"
    yield empty.model_dump_json(indent=2, by_alias=True).removesuffix(end)
    if not document.trials:
        yield end
        return
    before = "[\n"
    for trial in document.trials:
        yield before + indent(_TRIAL.dump_json(trial, indent=2).decode(), " " * 4)
        before = ",\n"
    yield "\n  ]\n}"


_TRIAL = TypeAdapter(TrialData)


def _contestant(row: Row, busy: Decimal | None) -> ContestantData:
    who, counts, score, money = row.who, row.counts, row.score, row.money
    shared = {name: getattr(who, name) for name in _WHO}
    shared |= {name: getattr(counts, name) for name in _COUNTS}
    solved = money.per_solved
    return ContestantData(
        **shared,
        pass_rate=score.pass_rate,
        pass_rate_ci=score.ci,
        missing=row.missing.missing,
        pass_rate_bounds=row.missing.rate_bounds,
        pass_at_k=score.pass_at_k,
        pass_hat_k=score.pass_hat_k,
        rank=row.rank,
        cost_usd=_float(money.total.billed_usd),
        cost_known_usd=float(money.total.known_usd),
        cost_no_cache_usd=_float(money.total.no_cache_usd),
        cost_standard_usd=_float(money.total.standard_usd),
        cost_status=money.total.status,
        mean_concurrency=_float(busy),
        cost_per_solved_usd=money.billed_per_solved_usd,
        ranking=RankingData(
            basis=money.basis,
            mean_cost_usd=money.mean_usd,
            cost_per_solved_usd=solved.estimate if solved else None,
            cost_per_solved_ci=solved.ci if solved else None,
        ),
        tokens=row.effort.tokens,
        median_wall_s=row.effort.median_wall_s,
        median_active_s=row.effort.median_active_s,
        inconclusive=row.inconclusive,
        on_frontier=row.on_frontier,
        frontier_share=row.frontier_share,
    )


_WHO = (
    "name", "control", "agent", "backend", "provider", "lab", "country", "open_weights",
    "simulated", "api", "translated_from", "caveats", "digest",
)  # fmt: skip
_COUNTS = (
    "trials", "scored", "passed", "failed", "faults", "not_run", "mistakes", "truncations",
    "flags", "verdicts", "stops",
)  # fmt: skip


def _trial(row: TrialRow) -> TrialData:
    return TrialData(
        id=row.id,
        task=row.task_id,
        contestant=row.contestant,
        attempt=row.attempt,
        stop=row.stop,
        verdict=row.verdict,
        fault=row.fault.kind if row.fault else None,
        fault_message=row.fault.message if row.fault else None,
        tries=row.tries,
        cost_usd=_float(row.cost.billed_usd),
        cost_known_usd=float(row.cost.known_usd),
        cost_status=row.cost.status,
        steps=row.steps,
        calls=row.calls,
        wall_s=row.wall_s,
        active_s=row.active_s,
        tokens=row.tokens,
    )


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
