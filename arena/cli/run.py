"""`arena run` and `arena demo`."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from arena.cli.options import Format, runs_dir, today, unset
from arena.errors import FaultError, InputError

if TYPE_CHECKING:
    from arena.backend.catalog import Catalog
    from arena.config import BakeoffConfig
    from arena.run.bakeoff import RunOutcome
    from arena.run.plan import Overrides, Plan

ConfigFile = Annotated[Path, typer.Argument(help="The bake-off to run, such as bakeoff.toml.")]
TaskFlag = Annotated[list[str] | None, unset("Run this task or pack only; may be repeated.", "all")]
ContestantFlag = Annotated[
    list[str] | None, unset("Run this contestant only; may be repeated.", "all")
]
AttemptsFlag = Annotated[
    int | None,
    unset("Attempts per task; fewer than before narrow the run.", "the configuration's", min=1),
]
ConcurrencyFlag = Annotated[int | None, unset("Trials at once.", "the configuration's", min=1)]
OutFlag = Annotated[Path | None, unset("The run directory.", "runs/NAME")]
FormatFlag = Annotated[Format, typer.Option("--format", help="Form of the scoreboard on stdout.")]
ProfilesFlag = Annotated[
    list[Path] | None,
    unset("Folder with provider profiles; may be repeated.", "the configuration's"),
]
RaceFlag = Annotated[
    bool, typer.Option("--race", help="Stop paying for what is decided, as [race] says.")
]


def run(
    config: ConfigFile,
    task: TaskFlag = None,
    contestant: ContestantFlag = None,
    attempts: AttemptsFlag = None,
    narrow: Annotated[
        bool,
        typer.Option(
            "--narrow", help="Leave all else of an earlier run out of its plan and its reports."
        ),
    ] = False,
    concurrency: ConcurrencyFlag = None,
    out: OutFlag = None,
    profiles: ProfilesFlag = None,
    executor: Annotated[
        Literal["local", "ray"] | None,
        unset("Run trials here, or on a Ray cluster's nodes.", "the configuration's"),
    ] = None,
    address: Annotated[
        str | None,
        unset("The cluster's head, host:port.", "the configuration's, else the one here"),
    ] = None,
    race: RaceFlag = False,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Run a bake-off, or go on with one that was interrupted.

    Example: arena run bakeoff.toml --attempts 3
    """
    from arena.run.plan import Overrides

    overrides = Overrides(
        tasks=tuple(task or ()),
        contestants=tuple(contestant or ()),
        attempts=attempts,
        concurrency=concurrency,
        executor=executor,
        address=address,
        narrow=narrow,
    )
    _, plan = prepare(config, profiles, overrides, race=race)
    finish(plan, out or runs_dir() / plan.config.name, format_)


def demo(
    with_llm: Annotated[
        bool, typer.Option("--with-llm", help="Add a small real language model, run on this CPU.")
    ] = False,
    out: OutFlag = None,
    concurrency: ConcurrencyFlag = None,
    race: Annotated[
        bool, typer.Option("--race", help="See a race end early, on made-up tasks beside it.")
    ] = False,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Run the demo bake-off: two baselines and two controls on eight tasks, no key needed.

    Example: arena demo --out runs/demo
    """
    from arena.demo import bakeoff as shipped
    from arena.demo import race as racing
    from arena.run.plan import Overrides
    from arena.run.race import as_race

    if race and with_llm:
        remedy = "leave one out"
        raise InputError("the small model does not race", where="--with-llm", remedy=remedy)
    out = out or shipped.out_dir(runs_dir(), "race" if race else "demo")
    budgets = racing.BUDGETS if race else shipped.BUDGETS
    with shipped.contestants(
        with_llm=with_llm, earlier=out, budgets=budgets, controls=not race
    ) as tables:
        beside = out.parent / f"{out.name}-tasks"
        made = racing.configuration(tables, beside) if race else shipped.configuration(tables)
        overrides = Overrides(concurrency=concurrency)
        _, plan = resolve(made, base=Path(), where="demo", overrides=overrides)
        finish(as_race(plan) if race else plan, out, format_)


def prepare(
    config: Path,
    profiles: list[Path] | None,
    overrides: "Overrides",
    *,
    retired: bool = False,
    race: bool = False,
) -> "tuple[Catalog, Plan]":
    """Read a configuration and resolve it, as a race where that is asked for; retired models too
    where they are only shown.
    """
    from arena import config as configuration
    from arena.run.race import as_race

    loaded = configuration.load(config)
    if profiles:
        loaded = loaded.model_copy(update={"profiles": tuple(str(p.resolve()) for p in profiles)})
    known, plan = resolve(
        loaded, base=config.parent, where=str(config), overrides=overrides, retired=retired
    )
    return known, as_race(plan) if race else plan


def resolve(
    config: "BakeoffConfig",
    *,
    base: Path,
    where: str,
    overrides: "Overrides",
    retired: bool = False,
) -> "tuple[Catalog, Plan]":
    """The catalogue a configuration asks for, and its plan."""
    from arena.backend import catalog
    from arena.backend.resolve import resolve as resolve_backend
    from arena.money.prices import SHIPPED_FX
    from arena.run import plan

    known = catalog.load([base / folder for folder in config.profiles])
    made = plan.resolve(
        config,
        base=base,
        backend=lambda ref: resolve_backend(
            ref, known, today=today(), environ=os.environ, retired=retired
        ),
        fx=SHIPPED_FX,
        overrides=overrides,
        where=where,
    )
    return known, made


def start(plan: "Plan", out: Path) -> "RunOutcome":
    """Run a plan with its progress on stderr; cut short, say how to go on."""
    from arena.cli import EXIT_INTERRUPTED, EXIT_NO_VERDICT
    from arena.cli.progress import RunProgress
    from arena.run import bakeoff

    progress = RunProgress({c.name: plan.trials_of(c) for c in plan.contestants}, out)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    again = f"run the same command again to go on with {out}"
    try:
        with progress.showing():
            return bakeoff.run(plan, out, say=progress.say, watcher=progress)
    except KeyboardInterrupt:
        progress.say(f"interrupted; {again}")
        _leave(EXIT_INTERRUPTED)
    except FaultError as error:
        progress.say(f"arena: fault ({error.kind}): {error}; {again}")
        _leave(EXIT_NO_VERDICT)


def _leave(code: int) -> NoReturn:
    """End at once. Ledger and containers are done with by now; a call whose reply may come in
    minutes, or never, must not hold the exit, as joining its thread would.
    """
    sys.stderr.flush()
    os._exit(code)


def finish(plan: "Plan", out: Path, as_: Format) -> None:
    """Run a plan, write its page, print its scoreboard, and exit by what came out."""
    from arena.cli import EXIT_NO_VERDICT
    from arena.cli.report import show
    from arena.report.format import plural
    from arena.report.scored import score
    from arena.report.site import build_scored

    outcome = start(plan, out)
    scored = score(outcome.results)
    page = build_scored(scored)
    show(scored, as_)
    print(f"page: {page}", file=sys.stderr)
    if outcome.outside:
        print(
            f"{plural(outcome.outside, 'trial')} more without a verdict that this command did not"
            " ask for; without --task and --contestant they are run, with --narrow left out for"
            " good",
            file=sys.stderr,
        )
    if outcome.without_verdict:
        print(
            f"{plural(outcome.without_verdict, 'trial')} without a verdict; the same command "
            "tries again",
            file=sys.stderr,
        )
        raise typer.Exit(EXIT_NO_VERDICT)
