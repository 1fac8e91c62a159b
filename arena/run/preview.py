"""What a configuration would do, before a cent is spent: `arena plan`."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from arena.backend import catalog, listing
from arena.backend.catalog import Catalog, ModelRow
from arena.backend.pool import missing_keys
from arena.backend.resolve import violations
from arena.errors import InputError
from arena.money.forecast import Forecast, forecast
from arena.money.statement import RecordedCall
from arena.records import Api, BackendSpec, ContestantSpec, Record
from arena.run.hosts import check_extra
from arena.run.plan import Plan, stale_price
from arena.sandbox.image.images import Images
from arena.score.load import by_trial, recorded
from arena.stats.power import suite_power


class ContestantPreview(Record):
    """One contestant of a plan."""

    name: str
    agent: str
    backend: str | None
    priced: bool
    simulated: bool
    api: Api | None
    """What its endpoint is spoken to in."""
    translated_from: Api | None
    """What its agent speaks, where the gateway translates that."""
    trials: int
    missing_key: str | None
    """Environment variable that holds no key."""
    problems: tuple[str, ...]
    """Retirements, past or within sixty days, and conflicts with the policy."""
    caveats: tuple[str, ...]
    """What must be known beside its cost, such as why that is unknown."""
    stale_price: str
    """That its price was looked at long ago, in words; else empty."""
    cost: Forecast | None
    """None for controls."""


class Preview(Record):
    """A plan as a person would want to see it."""

    name: str
    tasks: int
    attempts: int
    trials: int
    images_to_build: tuple[str, ...]
    contestants: tuple[ContestantPreview, ...]
    power: str
    race: tuple[str, ...] = ()
    """What it would come to as a race, in words; empty where that was not asked."""
    not_installed: tuple[str, ...]
    """Extras of Arena that the run needs and this machine lacks, in words."""

    @property
    def ready(self) -> bool:
        """Whether the run could start now."""
        lacks = any(c.missing_key or c.problems for c in self.contestants)
        return not (lacks or self.not_installed)


def preview(
    plan: Plan,
    *,
    known: Catalog,
    today: date,
    images: Images | None = None,
    earlier: Sequence[Path] = (),
) -> Preview:
    """Describe a plan.

    Args:
        plan: resolved.
        known: the catalogue, for retirements.
        today: what retirements are counted from.
        images: asked which images exist; without an engine all count as missing.
        earlier: run directories that costs are forecast from.

    Raises:
        InputError: an earlier run cannot be read.
    """
    history = by_trial([call for run in earlier for call in recorded(run)])
    shown = tuple(_contestant(c, plan, known, today, history) for c in plan.contestants)
    missing = [t.id for t in plan.tasks] if images is None else images.missing(plan.tasks)
    return Preview(
        name=plan.config.name,
        tasks=len(plan.tasks),
        attempts=plan.config.attempts,
        trials=plan.trials,
        images_to_build=tuple(missing),
        contestants=shown,
        power=suite_power(len(plan.tasks)).line,
        not_installed=tuple(_not_installed(plan)),
    )


def _not_installed(plan: Plan) -> Iterator[str]:
    needed = {"gateway": ", ".join(plan.programs)}
    needed["ray"] = "executor 'ray'" if plan.config.executor == "ray" else ""
    for extra, who in needed.items():
        try:
            if who:
                check_extra(extra, who)
        except InputError as error:
            yield error.line()


def _contestant(
    contestant: ContestantSpec,
    plan: Plan,
    known: Catalog,
    today: date,
    history: Mapping[str, Sequence[Sequence[RecordedCall]]],
) -> ContestantPreview:
    spec, trials = contestant.backend, plan.trials_of(contestant)
    problems: list[str] = []
    key = cost = None
    if spec is not None:
        key = next(iter(missing_keys([spec], os.environ)), None)
        if plan.config.policy is not None:
            problems += violations(plan.config.policy, spec)
        problems += _retirement(spec, known, today)
        cost = forecast(
            contestant.name,
            spec,
            trials,
            history,
            plan.config.limits,
            fx=plan.fx,
            seed=plan.config.seed,
        )
    return ContestantPreview(
        name=contestant.name,
        agent=contestant.agent,
        backend=None if spec is None else spec.name,
        priced=spec is not None and bool(spec.prices or spec.hourly_usd),
        simulated=spec is not None and spec.simulated,
        api=spec and spec.api,
        translated_from=spec and spec.translated_from,
        trials=trials,
        missing_key=key,
        problems=tuple(problems),
        caveats=() if spec is None else spec.caveats,
        stale_price=stale_price(contestant),
        cost=cost,
    )


def _retirement(spec: BackendSpec, known: Catalog, today: date) -> list[str]:
    profile = known.profiles.get(spec.provider or "")
    if profile is None:
        return []
    rows = [row for row in profile.models if row.id == spec.model]
    return [catalog.explain(profile, row, today) for row in rows if _ends(row, today)]


def _ends(row: ModelRow, today: date) -> bool:
    soon = row.retires_on is not None and row.retires_on <= today + listing.SOON
    return soon or catalog.is_retired(row, today)
