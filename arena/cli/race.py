"""`arena race`, and the forecasts of races in `arena power` and `arena plan`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Format, FormatFlag, RunArgument, emit_answer
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.records import RaceRules
    from arena.run.plan import Plan
    from arena.stats.intervals import FloatArray

RACES = 1000
DEAREST = 3
"""Limit of a trial's cost, as a multiple of the dearest stated rate."""

ValueFlag = Annotated[
    float | None,
    typer.Option(help="What a solved task is worth, in USD.", show_default="the run's own"),
]
MarginFlag = Annotated[
    float | None,
    typer.Option(help="Instead: loss of pass rate that is tolerated.", show_default="none"),
]
AlphaFlag = Annotated[
    float | None, typer.Option(help="Chance of a wrong answer.", show_default="the run's, or 0.05")
]
RateFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--rate",
        help="With --race, of a contestant: PASS RATE@USD a trial, such as 0.6@1.10; repeated.",
        show_default="none",
    ),
]


def race(
    run: RunArgument,
    value_usd: ValueFlag = None,
    margin: MarginFlag = None,
    alpha: AlphaFlag = None,
    races: Annotated[int, typer.Option(min=1, max=100_000, help="Orders to try.")] = RACES,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Race on a finished run in random orders: what it would have spent, and said.

    Example: arena race runs/first --value-usd 5
    """
    from arena.errors import located
    from arena.score import race as scoring
    from arena.score.load import load

    results = load(run)
    manifest = results.manifest
    if manifest.race is not None:
        remedy = "give a run of the whole matrix"
        raise InputError("it is a race already", where=str(run), remedy=remedy)
    with located(str(run)):
        found = scoring.replay(
            scoring.outcomes(results),
            rules_of(value_usd, margin, alpha),
            manifest,
            races=races,
        )
    emit_answer(found, "\n".join(found.lines), format_)


def rules_of(value_usd: float | None, margin: float | None, alpha: float | None) -> "RaceRules":
    """The rules that flags ask for.

    Raises:
        InputError: they ask for none, or for two.
    """
    from decimal import Decimal

    from arena.records import RaceRules
    from arena.serialize import shaped

    if (value_usd is None) == (margin is None):
        raise InputError(
            "a race decides one thing",
            where="--value-usd, --margin",
            remedy="give one of them, such as --value-usd 5",
        )
    rules = {
        "goal": "best_value" if margin is None else "cheapest_not_worse",
        "value_usd": None if value_usd is None else Decimal(str(value_usd)),
        "margin": margin,
        "alpha": 0.05 if alpha is None else alpha,
    }
    return shaped(rules, RaceRules, where="--value-usd, --margin, --alpha")


def power(tasks: int, rates: list[str], rules: "RaceRules", format_: Format) -> None:
    """Print what races at stated rates come to."""
    from arena.score import race as scoring

    pairs = [_rate(text) for text in rates]
    if len(pairs) < 2:
        remedy = "give --rate at least twice, such as --rate 0.6@1.10 --rate 0.5@0.05"
        raise InputError("a race takes two contestants", where="--rate", remedy=remedy)
    passes, costs = zip(*pairs, strict=True)
    passed, cost = scoring.stated(passes, costs, tasks, races=RACES, seed=0)
    most = DEAREST * max(costs)
    right = scoring.best_of(_column(passes), _column(costs), rules)
    found = scoring.forecast(rates, passed, cost.clip(max=most), rules, most, expected=right)
    emit_answer(found, "\n".join(found.lines), format_)


def _column(numbers: "tuple[float, ...]") -> "FloatArray":
    import numpy as np

    return np.array(numbers)[:, None]


def _rate(text: str) -> tuple[float, float]:
    share, _, usd = text.partition("@")
    try:
        found = float(share), float(usd)
    except ValueError:
        found = (-1.0, -1.0)
    if not (0 < found[0] < 1 and 0 <= found[1] < float("inf")):
        remedy = "write PASS RATE@USD, such as 0.6@1.10"
        raise InputError(f"{text!r} is no rate and price", where="--rate", remedy=remedy)
    return found


def forecast_lines(plan: "Plan", earlier: list[Path]) -> tuple[str, ...]:
    """What races would come to, from the outcomes of an earlier run; nothing for no race."""
    import numpy as np

    from arena.score import race as scoring
    from arena.score.load import load

    if plan.race is None:
        return ()
    names = [one.name for one in scoring.racers(plan.contestants)]
    config, scored = plan.config, sum(not task.impossible for task in plan.tasks)
    for run in earlier:
        found = scoring.outcomes(load(run))
        whole = ~np.isnan(found.passed).any(axis=0)
        if not set(names) <= set(found.contestants) or not whole.any():
            continue
        mine = [found.contestants.index(name) for name in names]
        draw = np.random.default_rng(config.seed)
        tasks = draw.choice(np.flatnonzero(whole), size=(RACES, scored))
        passed, cost = (
            np.moveaxis(of[mine][:, tasks], 0, 1) for of in (found.passed, found.cost_usd)
        )
        bound = scoring.cost_bound(config.limits, found.cost_usd)
        wall_s = found.wall_s[mine][:, whole].mean(axis=1)
        right = scoring.best_of(
            found.passed[mine][:, whole], found.cost_usd[mine][:, whole], plan.race.rules
        )
        made = scoring.forecast(
            names,
            passed,
            cost,
            plan.race.rules,
            bound,
            expected=right,
            attempts=config.attempts,
            task_s=wall_s * config.attempts / max(1, min(config.concurrency, plan.trials)),
        )
        return (f"as a race, from {int(whole.sum())} tasks of {run}:", *made.lines)
    lacks = "as a race: no earlier run has outcomes of all contestants"
    return (f"{lacks}; 'arena power --race' takes stated rates",)
