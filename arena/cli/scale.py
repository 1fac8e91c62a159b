"""`arena scale`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli.options import Format, FormatFlag, emit_answer, unset
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.records import RateLimits
    from arena.run.simulate import Estimate, Fleet, Workload


def _as(like: str, meaning: str, least: int | None = None) -> Any:
    """A flag of the workload, which a run with --like tells where it is not given."""
    return unset(meaning, f"of --like{like}", min=least)


def _at_most(meaning: str) -> Any:
    """A flag of what a provider allows."""
    return unset(meaning, "no limit", min=1)


def scale(
    like: Annotated[
        Path | None, unset("A run to take trials from; other flags overrule it.")
    ] = None,
    tasks: Annotated[int | None, _as("", "Tasks of the run.", 1)] = None,
    backends: Annotated[int | None, _as("", "Backends of the run.", 1)] = None,
    attempts: Annotated[int | None, _as(", else 1", "Attempts per task.", 1)] = None,
    calls: Annotated[str | None, _as(", else 20,40", "Calls of a trial: median,p90.")] = None,
    call_s: Annotated[str | None, _as(", else 6,20", "Seconds of a call: median,p90.")] = None,
    call_tokens: Annotated[int | None, _as(", else 10000", "Tokens of a call.", 0)] = None,
    cpu_s: Annotated[float | None, _as(", else 4", "CPU seconds of a trial.", 0)] = None,
    hosts: Annotated[int, typer.Option(min=1, help="Hosts, all alike.")] = 1,
    cores: Annotated[int, typer.Option(min=1, help="Of one host.")] = 8,
    memory_gb: Annotated[float, typer.Option(min=0.1, help="Of one host.")] = 32,
    container_mb: Annotated[int, typer.Option(min=64, help="Memory of one container.")] = 1024,
    concurrency: Annotated[
        int | None, unset("Trials at once.", "what memory allows", min=1)
    ] = None,
    provider_concurrency: Annotated[int | None, _at_most("Calls at once of a backend.")] = None,
    rpm: Annotated[int | None, _at_most("Calls a minute of a backend.")] = None,
    tpm: Annotated[int | None, _at_most("Tokens a minute of a backend.")] = None,
    within_h: Annotated[
        float | None,
        unset("Find the fewest hosts that take so many hours.", "tell what --hosts take", min=0.01),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Simulate how long a run takes on some hosts, or how many hosts it needs.

    Example: arena scale --tasks 300 --backends 10 --within-h 2
    """
    from arena.records import RateLimits
    from arena.run.simulate import Fleet

    given = {
        "tasks": tasks,
        "backends": backends,
        "attempts": attempts,
        "calls": None if calls is None else _spread(calls, "--calls"),
        "call_s": None if call_s is None else _spread(call_s, "--call-s"),
        "call_tokens": call_tokens,
        "cpu_s": cpu_s,
    }
    work = _workload(like, {name: value for name, value in given.items() if value is not None})
    memory_mb = int(memory_gb * 1024)
    fleet = Fleet(
        hosts=hosts,
        cores=cores,
        memory_mb=memory_mb,
        container_mb=container_mb,
        concurrency=concurrency,
    )
    rate = RateLimits(concurrency=provider_concurrency, rpm=rpm, tpm=tpm)
    found = _estimate(work, fleet, rate, within_h, seed)
    emit_answer(found, _text(found), format_)


def _workload(like: Path | None, given: dict[str, object]) -> "Workload":
    from arena.run.simulate import Workload, workload_of

    if like is not None:
        return workload_of(like).model_copy(update=given)
    if missing := [name for name in ("tasks", "backends") if name not in given]:
        flags = " and ".join(f"--{name}" for name in missing)
        raise InputError(f"{flags} missing", remedy="give them, or a run with --like")
    return Workload.model_validate(given)


def _estimate(
    work: "Workload", fleet: "Fleet", rate: "RateLimits", within_h: float | None, seed: int
) -> "Estimate":
    from arena.run.simulate import fewest_hosts, simulate

    if within_h is None:
        return simulate(work, fleet, rate, seed=seed)
    found = fewest_hosts(work, fleet, rate, hours=within_h, seed=seed)
    if found is None:
        shortest = simulate(work, fleet.model_copy(update={"hosts": work.trials}), rate, seed=seed)
        raise InputError(
            f"no number of hosts is done in {within_h} h: it takes {shortest.hours:.2f} h with as "
            f"many as there are trials, for {shortest.bottleneck}",
            where="--within-h",
        )
    return found


def _spread(text: str, flag: str) -> object:
    from pydantic import ValidationError

    from arena.run.simulate import Spread

    median, _, p90 = text.partition(",")
    try:
        return Spread(median=float(median), p90=float(p90 or median))
    except (ValueError, ValidationError):
        raise InputError(
            f"{text!r} is not a median and a higher p90", where=flag, remedy="write 6,20"
        ) from None


def _text(found: "Estimate") -> str:
    alone = ", ".join(f"{name} {hours:.2f} h" for name, hours in found.bounds.items())
    return (
        f"{found.trials} trials on {found.hosts} hosts, {found.slots} at once on each: "
        f"{found.hours:.2f} h, {found.trials_per_minute:.1f} trials a minute\n"
        f"cores {found.cpu_share:.0%} busy, {found.calls_in_flight:.1f} calls in flight, "
        f"{found.throttled_s:.1f} s a call waited for rate limits\n"
        f"each limit alone: {alone}; what decides: {found.bottleneck}"
    )
