"""Exactly what was run: digests, prices with their dates and sources, limits, machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from arena.records import BackendSpec, ContestantSpec, PriceRow
from arena.report import format as show
from arena.report.caveats import named
from arena.report.escape import one_line, plain
from arena.report.format import Fact
from arena.report.scored import Scored
from arena.rundir import Manifest, TaskEntry


@dataclass(frozen=True, slots=True)
class DigestLine:
    """A task or contestant with its digest."""

    name: str
    what: str
    digest: str


@dataclass(frozen=True, slots=True)
class Setup:
    """The conditions of a run."""

    run: tuple[Fact, ...]
    limits: tuple[Fact, ...]
    contestants: tuple[DigestLine, ...]
    tasks: tuple[DigestLine, ...]
    prices: tuple[tuple[str, str, str, str], ...]
    """Contestant, price, when it held, and its source."""


def setup(scored: Scored) -> Setup:
    """The conditions of a run, from its manifest alone."""
    manifest = scored.results.manifest
    return Setup(
        run=tuple(_run(manifest)),
        limits=tuple(_limits(manifest)),
        contestants=tuple(
            DigestLine(plain(c.name), _contestant(c), c.digest) for c in manifest.contestants
        ),
        tasks=tuple(DigestLine(t.id, _task(t), t.digest) for t in manifest.tasks),
        prices=tuple(
            line for c in manifest.contestants if c.backend for line in _prices(c.name, c.backend)
        ),
    )


def _run(manifest: Manifest) -> Iterator[Fact]:
    yield Fact("Run", f"{plain(manifest.name)} ({manifest.run_id})")
    yield Fact("Started", show.moment(manifest.created_at))
    yield Fact("Arena", manifest.arena_version)
    trials = f"{show.plural(manifest.attempts, 'attempt')} of each pairing"
    yield Fact("Attempts", f"{trials}, {manifest.concurrency} trials at a time")
    yield Fact("Seed", str(manifest.seed))
    if manifest.engine:
        engine = manifest.engine
        machine = f"{engine.cpus} CPUs, {show.count(engine.memory_mb)} MB"
        yield Fact("Container engine", f"{engine.version} on {engine.platform}, {machine}")
    if manifest.base_image:
        yield Fact("Base image", plain(manifest.base_image))
    yield Fact("Grading", "strict" if manifest.strict else "not strict")
    for rate in manifest.fx:
        yield Fact(f"1 {rate.currency}", f"${rate.usd} on {rate.on} ({plain(rate.source)})")


def _limits(manifest: Manifest) -> Iterator[Fact]:
    limits, box = manifest.limits, manifest.sandbox
    yield Fact("Steps", show.count(limits.steps))
    yield Fact("Agent's clock", show.seconds(limits.seconds))
    yield Fact("Cost per trial", show.usd(limits.usd) if limits.usd else "no limit")
    yield Fact("Tokens per trial", show.count(limits.tokens) if limits.tokens else "no limit")
    yield Fact("Output per call", f"{show.count(limits.output_tokens)} tokens")
    yield Fact("One command", show.seconds(limits.command_seconds))
    yield Fact("Memory", f"{show.count(box.memory_mb)} MB")
    yield Fact("CPUs", f"{box.cpus:g}")
    yield Fact("Processes", show.count(box.pids))
    yield Fact("Disk", f"{show.count(box.disk_mb)} MB, files up to {show.count(box.file_mb)} MB")
    if manifest.budget.usd or manifest.budget.tokens:
        tokens = manifest.budget.tokens
        of_tokens = f"{show.count(tokens)} tokens" if tokens else ""
        money = show.usd(manifest.budget.usd) if manifest.budget.usd else ""
        yield Fact("Whole run", ", ".join(part for part in (money, of_tokens) if part))


def _contestant(spec: ContestantSpec) -> str:
    parts = [f"agent {spec.agent} {spec.agent_digest[:12]}"]
    if spec.backend:
        parts.append(f"{spec.backend.model} at {spec.backend.base_url}")
    parts += [f"{key} = {value}" for key, value in spec.params.items()]
    return one_line("; ".join(parts), 400)


def _task(task: TaskEntry) -> str:
    out = f"; quarantined: {named(task)}" if task.quarantined else ""
    return (
        f"{task.language}, {task.difficulty}, graded by {task.assurance}; image {task.image}{out}"
    )


def _prices(name: str, spec: BackendSpec) -> Iterator[tuple[str, str, str, str]]:
    if spec.hourly_usd is not None:
        price = f"${spec.hourly_usd} an hour while a call is in flight"
        yield (plain(name), price, "the whole run", "configuration")
    for row in spec.prices:
        yield (plain(name), _price(row), _valid(row), _source(row))
    if spec.hourly_usd is None and not spec.prices:
        yield (plain(name), show.UNKNOWN, show.DASH, show.DASH)


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
