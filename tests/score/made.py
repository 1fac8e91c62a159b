"""Results made by hand: a few contestants with given passes and costs by task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from arena.records import (
    BackendSpec,
    ContestantSpec,
    Fault,
    Limits,
    SandboxLimits,
    TestPlan,
    digest_of,
)
from arena.rundir.directory import Manifest, TaskEntry
from arena.score.results import Cost, Results, TokenTotals, TrialRow

FREE = Cost(Decimal(0), Decimal(0), Decimal(0), Decimal(0), "known")
UNKNOWN = Cost(None, None, None, Decimal(0), "unknown")


@dataclass(frozen=True)
class Player:
    """A contestant: passed attempts and cost in US dollars of each task, over all attempts."""

    passed: Sequence[float]
    costs: Sequence[float] | None = None
    faults: Mapping[int, int] | None = None
    """Attempts that ended in a fault, by task."""
    not_run: Mapping[int, int] | None = None
    country: str | None = None
    open_weights: bool | None = None
    self_hosted: bool = False
    provider: str = "maker"
    agent: str = "shell"
    agent_digest: str = "shell-1"
    control: bool = False


def results(
    players: Mapping[str, Player],
    *,
    attempts: int = 3,
    tasks: Sequence[TaskEntry] | None = None,
    **manifest: object,
) -> Results:
    """A run of the players over `tasks`, by default as many plain ones as the players have."""
    size = len(next(iter(players.values())).passed)
    entries = tuple(tasks or [task(i) for i in range(size)])
    rows = [
        _trial(name, player, i, entries[i].id, k, attempts)
        for i in range(size)
        for name, player in players.items()
        for k in range(attempts)
    ]
    return Results(
        path=Path("run"),
        manifest=Manifest(
            **{
                "run_id": "r",
                "name": "nightly",
                "created_at": datetime(2026, 11, 22, tzinfo=UTC),
                "arena_version": "0",
                "attempts": attempts,
                "concurrency": 1,
                "limits": Limits(),
                "sandbox": SandboxLimits(),
                "tasks": entries,
                "contestants": tuple(_spec(n, p) for n, p in players.items()),
                **manifest,
            }
        ),
        trials=tuple(rows),
    )


def task(index: int, **changes: object) -> TaskEntry:
    entry = TaskEntry(
        id=f"core/task-{index:04}",
        pack="core",
        title=f"Task {index}",
        language="python",
        difficulty="easy",
        digest=digest_of(index),
        image="sha256:1",
        problem_statement="",
        tests=TestPlan(runner="pytest", fail_to_pass=("t",)),
    )
    return entry.model_copy(update=changes)


def retold(run: Results, pick: Mapping[str, object], **changes: object) -> Results:
    """The run with changes made to every trial whose fields equal `pick`."""

    def changed(row: TrialRow) -> TrialRow:
        same = all(getattr(row, key) == value for key, value in pick.items())
        return replace(row, **changes) if same else row  # type: ignore[arg-type]

    return replace(run, trials=tuple(changed(row) for row in run.trials))


def _spec(name: str, player: Player) -> ContestantSpec:
    backend = None
    if not player.control:
        backend = BackendSpec(
            name=f"{player.provider}/{name}",
            provider=player.provider,
            model=name,
            base_url="https://api.example/v1",
            country=player.country,
            open_weights=player.open_weights,
            self_hosted=player.self_hosted,
        )
    return ContestantSpec(
        name=name,
        agent=player.agent,
        agent_digest=player.agent_digest,
        backend=backend,
        control=player.control,
    )


def _trial(name: str, player: Player, index: int, task_id: str, k: int, attempts: int) -> TrialRow:
    faulted = k >= attempts - (player.faults or {}).get(index, 0)
    absent = k >= attempts - (player.not_run or {}).get(index, 0)
    won = k < player.passed[index]
    cost = FREE if player.control else UNKNOWN
    if player.costs is not None:
        usd = Decimal(str(player.costs[index])) / attempts
        cost = Cost(usd, usd, usd, usd, "known")
    return TrialRow(
        id=f"{task_id}-{name}-{k + 1}",
        task_id=task_id,
        contestant=name,
        attempt=k + 1,
        stop="submitted",
        stop_detail="",
        verdict=None if faulted or absent else ("passed" if won else "failed"),
        reason="",
        fault=Fault(kind="provider", message="503") if faulted else None,
        tries=0 if absent else 1,
        steps=0 if absent else 10,
        calls=0 if absent or player.control else 10,
        mistakes=0,
        truncations=0,
        flags=(),
        tokens=TokenTotals(1000, 800, 0, 100, 20),
        cost=cost,
        wall_s=12.0,
        active_s=10.0,
        patch_bytes=100,
    )
