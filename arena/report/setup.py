"""Exactly what was run, in words: contestants, tasks, and prices with their dates and sources."""

from collections.abc import Iterator
from decimal import Decimal

from arena.records import BackendSpec, ContestantSpec, PriceRow
from arena.report import format as show
from arena.report.caveats import named
from arena.report.escape import one_line
from arena.rundir import Manifest, TaskEntry


def price_lines(manifest: Manifest) -> Iterator[tuple[str, str, str, str]]:
    """Contestant, price, when it held, and its source."""
    for spec in manifest.contestants:
        if spec.backend:
            yield from _prices(spec.name, spec.backend)


def _prices(name: str, spec: BackendSpec) -> Iterator[tuple[str, str, str, str]]:
    if spec.hourly_usd is not None:
        price = f"${spec.hourly_usd} an hour while a call is in flight"
        yield (name, price, "the whole run", "configuration")
    for row in spec.prices:
        yield (name, _price(row), _valid(row), _source(row))
    if spec.hourly_usd is None and not spec.prices:
        yield (name, show.UNKNOWN, show.DASH, show.DASH)


def contestant_line(spec: ContestantSpec) -> str:
    """Agent, model and parameters of a contestant."""
    parts = [f"agent {spec.agent} {spec.agent_digest[:12]}"]
    if spec.backend:
        parts.append(f"{spec.backend.model} at {spec.backend.base_url}")
    parts += [f"{key} = {value}" for key, value in spec.params.items()]
    return one_line("; ".join(parts), 400)


def task_line(task: TaskEntry) -> str:
    """Kind, grading and image of a task."""
    out = f"; quarantined: {named(task)}" if task.quarantined else ""
    return (
        f"{task.language}, {task.difficulty}, graded by {task.assurance}; image {task.image}{out}"
    )


def _price(row: PriceRow) -> str:
    lines = []
    for tier in row.tiers:
        parts = [f"input {_amount(tier.input)}"]
        if tier.cached_input is not None:
            parts.append(f"cached {_amount(tier.cached_input)}")
        if tier.cache_write is not None:
            parts.append(f"cache write {_amount(tier.cache_write)}")
        parts.append(f"output {_amount(tier.output)}")
        start = f"from {show.tokens(tier.input_from)} input: " if tier.input_from else ""
        lines.append(start + ", ".join(parts))
    peak = "; other prices at peak hours" if row.peak_tiers else ""
    return f"{'; '.join(lines)} {row.currency} per million tokens{peak}"


def _amount(price: Decimal) -> str:
    return f"{price.normalize():f}"


def _valid(row: PriceRow) -> str:
    start = f"from {row.valid_from}" if row.valid_from else ""
    end = f"until {row.valid_to}" if row.valid_to else ""
    return " ".join(part for part in (start, end) if part) or "no dates"


def _source(row: PriceRow) -> str:
    checked = f", checked {row.checked_on}" if row.checked_on else ""
    return one_line(f"{row.source or 'no source'} ({row.evidence}{checked})", 300)
