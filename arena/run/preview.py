"""What a configuration would do, before a cent is spent: `arena plan`."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import fmean

from arena.backend import catalog, checks, resolve
from arena.backend.catalog import Catalog
from arena.backend.pool import check_endpoints, missing_keys
from arena.backend.resolve import violations
from arena.errors import InputError
from arena.money.budget import check_budgets
from arena.money.statement import (
    ASSUMED_CALL_S,
    ASSUMED_CALLS,
    ASSUMPTION,
    Forecast,
    RecordedCall,
    forecast,
)
from arena.records import Api, BackendSpec, ContestantSpec, Record
from arena.run.hosts import check_extra
from arena.run.plan import Plan, first_call, stale_price
from arena.sandbox.image.images import Images
from arena.score.load import by_trial, load, recorded
from arena.stats.paired import suite_power

CONTROL_S = 10.0
"""Of a control's trial, where none was made."""


class ContestantPreview(Record):
    """One contestant of a plan."""

    name: str
    agent: str
    backend: str | None = None
    priced: bool = False
    simulated: bool = False
    api: Api | None = None
    """What its endpoint is spoken to in."""
    translated_from: Api | None = None
    """What its agent speaks, where the gateway translates that."""
    trials: int
    missing_key: str | None = None
    """Environment variable that holds no key."""
    problems: tuple[str, ...] = ()
    """Why the run would be refused: a retired model, the policy, an endpoint that is not there."""
    retires_soon: str = ""
    """That its model ends within sixty days, in words; else empty."""
    caveats: tuple[str, ...] = ()
    """What must be known beside its cost, such as why that is unknown."""
    first_call: str = ""
    """That the limit of a trial allows no call, in words; else empty."""
    stale_price: str = ""
    """That its price was looked at long ago, in words; else empty."""
    cost: Forecast | None = None
    """None for controls."""


class Preview(Record):
    """A plan as a person would want to see it."""

    name: str
    tasks: int
    attempts: int
    trials: int
    images_to_build: tuple[str, ...]
    base_image: str | None
    """How the base image is made or was made; None without an engine. `ARENA_BASE` decides."""
    contestants: tuple[ContestantPreview, ...]
    power: str
    concurrency: int
    expected_usd: Decimal | None
    """All contestants together; None where one of them has no known price."""
    expected_s: float
    """Seconds that the trials take at this concurrency, the making of images aside."""
    basis: str
    """What cost and time rest on, in words."""
    race: tuple[str, ...] = ()
    """What it would come to as a race, in words; empty where that was not asked."""
    not_installed: tuple[str, ...]
    """Extras of Arena that the run needs and this machine lacks, in words."""
    refusals: tuple[str, ...]
    """Why the run as a whole would be refused, such as for private tasks without a policy."""

    @property
    def ready(self) -> bool:
        """Whether the run could start now."""
        lacks = any(c.missing_key or c.problems for c in self.contestants)
        return not (lacks or self.not_installed or self.refusals)


def preview(
    plan: Plan,
    *,
    known: Catalog,
    today: date,
    images: Images | None = None,
    earlier: Sequence[Path] = (),
) -> Preview:
    """Describe a plan: its costs by earlier runs, its models' retirements by the catalogue and the
    day. Without an engine all images count as missing; a broken earlier run is an `InputError`.
    """
    history = by_trial([call for run in earlier for call in recorded(run)])
    away = _away(plan)
    shown = tuple(_contestant(c, plan, known, today, history, away) for c in plan.contestants)
    costs = [c.cost.expected_usd for c in shown if c.cost is not None]
    known_usd = [usd for usd in costs if usd is not None]
    missing = [t.id for t in plan.tasks] if images is None else images.missing(plan.tasks)
    return Preview(
        name=plan.config.name,
        tasks=len(plan.tasks),
        attempts=plan.config.attempts,
        trials=plan.trials,
        images_to_build=tuple(missing),
        base_image=None if images is None else images.base_recipe().source,
        contestants=shown,
        power=suite_power(len(plan.tasks)).line,
        concurrency=plan.config.concurrency,
        expected_usd=sum(known_usd, Decimal(0)) if len(known_usd) == len(costs) else None,
        expected_s=_seconds(plan, earlier),
        basis=_basis(shown),
        refusals=tuple(_refusals(plan)),
        not_installed=tuple(_not_installed(plan)),
    )


def _refusals(plan: Plan) -> list[str]:
    config = plan.config
    own = [c.budget for c in config.contestant if c.budget]
    checks = [partial(check_budgets, config.limits, (config.budget, *own))]
    if config.policy is None:  # what it does not allow is a problem of its contestant
        private = [task.id for task in plan.tasks if task.private]
        checks.insert(0, partial(resolve.enforce, None, plan.specs, private=private))
    return [line for check in checks if (line := _refusal(check))]


def _refusal(check: Callable[[], object]) -> str:
    try:
        check()
    except InputError as error:
        return error.line()
    return ""


def _away(plan: Plan) -> dict[str, str]:
    """Why an address cannot be used, for those that cannot; all are asked at once."""
    asked = {spec.base_url: partial(check_endpoints, [spec]) for spec in plan.specs}
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        return dict(zip(asked, pool.map(_refusal, asked.values()), strict=True))


def _seconds(plan: Plan, earlier: Sequence[Path]) -> float:
    """How long the trials take, by those of earlier runs or a usual one."""
    took: dict[str, list[float]] = defaultdict(list)
    for run in earlier:
        for row in load(run).trials:
            if row.verdict is not None:
                took[row.contestant].append(row.wall_s)
    controls = {c.name for c in plan.contestants if c.control}
    every = [wall for name, walls in took.items() if name not in controls for wall in walls]
    usual = fmean(every) if every else ASSUMED_CALLS[1] * ASSUMED_CALL_S
    each = {name: fmean(walls) for name, walls in took.items()}
    seconds = [
        (plan.trials_of(c), each.get(c.name, CONTROL_S if c.control else usual))
        for c in plan.contestants
    ]
    at_once = max(1, min(plan.config.concurrency, plan.trials))
    return sum(trials * one for trials, one in seconds) / at_once


def _basis(shown: Sequence[ContestantPreview]) -> str:
    """In words what the forecasts rest on."""
    kinds = {c.cost.basis: c.cost for c in shown if c.cost is not None}
    told = {
        "own": "trials of the same contestants",
        "others": "calls of other contestants at its prices, where it has none of its own",
        "assumed": ASSUMPTION,
        "none": "nothing where no price is known",
    }
    return "; ".join(text for kind, text in told.items() if kind in kinds) or "controls alone"


def _not_installed(plan: Plan) -> list[str]:
    ray = "executor 'ray'" if plan.config.executor == "ray" else ""
    needed = {"gateway": ", ".join(plan.programs), "ray": ray}
    checks = [partial(check_extra, extra, who) for extra, who in needed.items() if who]
    return [line for check in checks if (line := _refusal(check))]


def _contestant(
    contestant: ContestantSpec,
    plan: Plan,
    known: Catalog,
    today: date,
    history: Mapping[str, Sequence[Sequence[RecordedCall]]],
    away: Mapping[str, str],
) -> ContestantPreview:
    spec, trials = contestant.backend, plan.trials_of(contestant)
    if spec is None:
        return ContestantPreview(name=contestant.name, agent=contestant.agent, trials=trials)
    ends = _retirement(spec, known, today)
    problems = [] if plan.config.policy is None else violations(plan.config.policy, spec)
    problems += [text for gone, text in ends if gone]
    if not problems and away[spec.base_url]:
        problems.append(away[spec.base_url])
    limits, seed = plan.config.limits, plan.config.seed
    return ContestantPreview(
        name=contestant.name,
        agent=contestant.agent,
        backend=spec.name,
        priced=bool(spec.prices or spec.hourly_usd),
        simulated=spec.simulated,
        api=spec.api,
        translated_from=spec.translated_from,
        trials=trials,
        missing_key=next(iter(missing_keys([spec], os.environ)), None),
        problems=tuple(problems),
        retires_soon="; ".join(text for gone, text in ends if not gone),
        caveats=spec.caveats,
        first_call=first_call(plan, contestant),
        stale_price=stale_price(contestant),
        cost=forecast(contestant.name, spec, trials, history, limits, fx=plan.fx, seed=seed),
    )


def _retirement(spec: BackendSpec, known: Catalog, today: date) -> list[tuple[bool, str]]:
    """Of a model that ends: whether it has already, and what is known of it."""
    profile = known.profiles.get(spec.provider or "")
    if profile is None:
        return []
    found = []
    for row in profile.models:
        gone = catalog.is_retired(row, today)
        soon = row.retires_on is not None and row.retires_on <= today + checks.SOON
        if row.id == spec.model and (gone or soon):
            found.append((gone, catalog.explain(profile, row, today)))
    return found
