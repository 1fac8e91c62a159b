"""`arena plan`, `reprice` and `scale`: what a run costs and takes, at these prices or others."""

from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli import EXIT_CHECK_FAILED, options
from arena.cli import run as running
from arena.cli.options import Format, FormatFlag, emit, say, unset
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.run.preview import Preview
    from arena.run.simulate import Workload
    from arena.score.results import Cost

EARLIER = "Earlier run to forecast costs from; may be repeated."
PLAN_COLUMNS = ("contestant", "backend", "trials", "expected_usd", "range_usd", "at_most_usd")


def plan(
    config: running.ConfigFile,
    task: running.TaskFlag = None,
    contestant: running.ContestantFlag = None,
    attempts: running.AttemptsFlag = None,
    out: running.OutFlag = None,
    profiles: running.ProfilesFlag = None,
    earlier: Annotated[
        list[Path] | None, unset(EARLIER, "the run directory, where there is one", "--from")
    ] = None,
    pilot: Annotated[
        int | None, unset("First run this many tasks once, for money; the run keeps them.", min=1)
    ] = None,
    race: running.RaceFlag = False,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Show what a run would do, need and cost, before it starts; exit code 1 if it would not.

    Example: arena plan bakeoff.toml --from runs/last
    """
    from arena.cli.report import forecast_lines
    from arena.run.plan import Overrides
    from arena.run.preview import preview
    from arena.run.resume import priced_as
    from arena.rundir.directory import RunDir

    chosen = tuple(task or ()), tuple(contestant or ())
    overrides = Overrides(*chosen, attempts, race=race, retired=pilot is None)
    known, made = running.prepare(config, profiles, overrides)
    out = out or options.runs_dir() / made.config.name
    begun = RunDir(out).begun()
    history = list(earlier or ([out] if begun else []))
    if pilot is not None:
        running.start(made.first(pilot), out)
        history.append(out)
        begun = RunDir(out).begun()
    runs = list(dict.fromkeys(history))
    if begun:
        made = priced_as(made, begun, say)
    images = None
    with ExitStack() as opened:
        try:
            _, images = opened.enter_context(options.our_images())
        except InputError as error:
            say(f"arena: {error.line()}; all images count as missing")
        shown = preview(made, known=known, today=options.today(), images=images, earlier=runs)
    _print_plan(shown.model_copy(update={"race": forecast_lines(made, runs)}), format_)
    if images is None or not shown.ready:
        say("this run would not start: see above")
        raise typer.Exit(EXIT_CHECK_FAILED)


def _print_plan(shown: "Preview", form: Format) -> None:
    from arena.report.format import plural, usd

    if form is Format.JSON:
        print(shown.model_dump_json(indent=2))
        return
    rows = []
    for one in shown.contestants:
        row: dict[str, object] = dict.fromkeys(PLAN_COLUMNS)
        row |= {"contestant": one.name, "backend": one.backend, "trials": one.trials}
        if cost := one.cost:
            row["expected_usd"] = _usd(cost.expected_usd)
            if cost.low_usd is not None:
                row["range_usd"] = f"{_usd(cost.low_usd)} to {_usd(cost.high_usd)}"
            if cost.ceiling_usd:
                row["at_most_usd"] = _usd(cost.ceiling_usd)
        rows.append(row)
    emit("contestants", rows, PLAN_COLUMNS, form)
    for one in shown.contestants:
        lacks = [f"{one.missing_key} is not set"] if one.missing_key else []
        for line in (*lacks, *one.problems):
            print(f"{one.name}: REFUSED: {line}")
        told = [one.first_call, one.retires_soon, one.stale_price, *one.caveats]
        told += [] if one.priced or one.cost is None else ["no price: its cost is unknown"]
        told += [f"translated from {one.translated_from}"] if one.translated_from else []
        for line in filter(None, told):
            print(f"{one.name}: {line}")
    for line in (*shown.not_installed, *shown.refusals):
        print(f"REFUSED: {line}")
    trials, tasks = plural(shown.trials, "trial"), plural(shown.tasks, "task")
    print(f"{trials}: {tasks}, {plural(shown.attempts, 'attempt')} each")
    costs = [(one.name, one.cost.expected_usd) for one in shown.contestants if one.cost]
    money = usd(sum(amount for _, amount in costs if amount is not None))
    if unknown := [name for name, amount in costs if amount is None]:
        money += f", the unknown cost of {', '.join(unknown)} aside,"
    minutes = plural(max(1, round(shown.expected_s / 60)), "minute")
    print(f"expected in all: {money} and about {minutes}, {shown.concurrency} trials at once")
    print(f"basis: {shown.basis}")
    base = f"; base image: {shown.base_image} (ARENA_BASE)" if shown.base_image else ""
    print(f"images to build: {len(shown.images_to_build)}{base}")
    print(shown.power)
    for line in shown.race:
        print(line)


def reprice(
    run: Annotated[Path, typer.Argument(help="A run directory; it stays as it is.")],
    at: Annotated[
        str | None,
        unset("Prices of this day, as 2026-11-01.", "the day of each call", callback=options.day),
    ] = None,
    prices: Annotated[
        Path | None, unset("Profiles with other prices.", "the run's; with --at the catalogue's")
    ] = None,
    fx: Annotated[
        list[str] | None, unset("A rate, such as CNY=0.14; may be repeated.", "the run's own")
    ] = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Compute the money of an old run anew, offline, from its recorded usage.

    Example: arena reprice runs/first --at 2026-11-01
    """
    from arena.backend import catalog
    from arena.money import prices as money
    from arena.rundir.directory import RunDir
    from arena.score.load import costs, recorded

    manifest = RunDir(run).read_manifest()
    known = catalog.load([prices] if prices else ())
    day = None if at is None else datetime.fromisoformat(at).date()
    before = manifest.backends
    listed = {name: catalog.prices_of(known, spec) for name, spec in before.items()}
    if prices and not any(listed.values()):
        remedy = "name the provider and the model as the run's manifest does"
        what = "it has no price of a backend of the run"
        raise InputError(what, where=f"--prices {prices}", remedy=remedy)
    after = {
        name: money.repriced_spec(spec, rows=listed[name] if prices or day else None, at=day)
        for name, spec in before.items()
    }
    given = [money.parse_rate(one, options.today()) for one in fx or ()]
    calls = recorded(run)
    counts = Counter(call.begin.contestant for call in calls)
    old = costs(calls, before, manifest.fx)
    new = costs(calls, after, money.rates_over(manifest.fx, given))
    rows = [_repriced(name, counts[name], old[name], new[name]) for name in sorted(old)]
    money_columns = ("billed_before_usd", "billed_after_usd")
    columns = ("contestant", "calls", *money_columns, "status_after", "possibly_billed_after_usd")
    if format_ is Format.TABLE:
        for row in rows:
            row |= {c: _usd(row[c]) for c in money_columns}
            if (bound := row["possibly_billed_after_usd"]) is not None:
                row["possibly_billed_after_usd"] = f"at most {_usd(bound)}"
    emit("contestants", rows, columns, format_)


def _repriced(name: str, calls: int, before: "Cost", after: "Cost") -> dict[str, object]:
    """One contestant's money before and after; null where any trial's is unknown."""
    row: dict[str, object] = {"contestant": name, "calls": calls}
    for when, cost in (("before", before), ("after", after)):
        row[f"billed_{when}_usd"] = cost.billed_usd
        row[f"standard_{when}_usd"] = cost.standard_usd
        row[f"status_{when}"] = cost.status
        row[f"possibly_billed_{when}_usd"] = cost.unsettled_bound_usd
    return row


def _usd(amount: object) -> str:
    return "unknown" if amount is None else f"{float(str(amount)):.4g}"


def _as(like: str, meaning: str, least: int | None = None) -> Any:
    """A flag of the workload, which a run with --like tells where it is not given."""
    return unset(meaning, f"of --like{like}", min=least)


def _at_most(meaning: str) -> Any:
    """A flag of what a provider allows."""
    return unset(meaning, "no limit", min=1)


def scale(
    like: Annotated[Path | None, unset("A run to take trials from; flags overrule it.")] = None,
    tasks: Annotated[int | None, _as("", "Tasks of the run.", 1)] = None,
    backends: Annotated[int | None, _as("", "Backends of the run.", 1)] = None,
    attempts: Annotated[int | None, _as(", else 1", "Attempts per task.", 1)] = None,
    calls: Annotated[str | None, _as(", else 20,40", "Calls of a trial: median,p90.")] = None,
    call_s: Annotated[str | None, _as(", else 6,20", "Seconds of a call: median,p90.")] = None,
    call_tokens: Annotated[int | None, _as(", else 10000", "Tokens of a call.", 0)] = None,
    cpu_s: Annotated[float | None, _as(", else 4", "CPU seconds of a trial.", 0)] = None,
    hosts: Annotated[int, typer.Option(min=1, help="Hosts, all alike.")] = 1,
    cores: Annotated[int, typer.Option(min=1, help="Of one host.")] = 8,
    memory_gb: Annotated[float, typer.Option(min=0.1, max=1e6, help="Of one host.")] = 32,
    container_mb: Annotated[int, typer.Option(min=64, help="Memory of one container.")] = 1024,
    concurrency: Annotated[int | None, unset("Trials at once.", "what memory holds", min=1)] = None,
    provider_concurrency: Annotated[int | None, _at_most("Calls at once of a backend.")] = None,
    rpm: Annotated[int | None, _at_most("Calls a minute of a backend.")] = None,
    tpm: Annotated[int | None, _at_most("Tokens a minute of a backend.")] = None,
    within_h: Annotated[
        float | None,
        unset("Find the fewest hosts that take so many hours.", "tell what --hosts take", min=0.01),
    ] = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Simulate how long a run takes on some hosts, or how many hosts it needs.

    Example: arena scale --tasks 300 --backends 10 --within-h 2
    """
    from arena.records import RateLimits
    from arena.run.simulate import Fleet, fewest_hosts, simulate

    counts = {"tasks": tasks, "backends": backends, "attempts": attempts}
    spreads = {"calls": calls, "call_s": call_s}
    work = _workload(like, {**counts, "call_tokens": call_tokens, "cpu_s": cpu_s}, spreads)
    fleet = Fleet(
        hosts=hosts,
        cores=cores,
        memory_mb=int(memory_gb * 1024),
        container_mb=container_mb,
        concurrency=concurrency,
    )
    rate = RateLimits(concurrency=provider_concurrency, rpm=rpm, tpm=tpm)
    if within_h is None:
        found = simulate(work, fleet, rate)
    else:
        found = fewest_hosts(work, fleet, rate, hours=within_h)
    alone = ", ".join(f"{name} {hours:.2f} h" for name, hours in found.bounds.items())
    text = (
        f"{found.trials} trials on {found.hosts} hosts, {found.slots} at once on each: "
        f"{found.hours:.2f} h, {found.trials_per_minute:.1f} trials a minute\n"
        f"each limit alone: {alone}; what decides: {found.bottleneck}"
    )
    options.emit_answer(found, text, format_)


def _workload(
    like: Path | None, numbers: dict[str, float | None], spreads: dict[str, str | None]
) -> "Workload":
    """The trials of a run, or usual ones, changed by the flags that are given."""
    from arena.run.simulate import Spread, Workload, workload_of
    from arena.serialize import shaped

    given: dict[str, object] = {n: value for n, value in numbers.items() if value is not None}
    for name, text in spreads.items():
        if text is not None:
            median, _, p90 = text.partition(",")
            told = {"median": median, "p90": p90 or median}
            where = f"--{name.replace('_', '-')}"
            given[name] = shaped(told, Spread, where=where, remedy="write median,p90 as in 6,20")
    if like is not None:
        given = workload_of(like).model_dump() | given
    elif missing := [f"--{name}" for name in ("tasks", "backends") if name not in given]:
        what = f"{' and '.join(missing)} missing"
        raise InputError(what, remedy="give them, or a run with --like")
    return shaped(given, Workload, where="arena scale")
