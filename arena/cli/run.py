"""What makes a run directory: `arena run`, `arena demo`, and `arena grade` of anybody's patches."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeVar

import typer

from arena.cli import EXIT_INTERRUPTED, EXIT_NO_VERDICT, options
from arena.cli.options import Format, emit, runs_dir, say, switch, unset
from arena.errors import FaultError, InputError

if TYPE_CHECKING:
    from arena.backend.catalog import Catalog
    from arena.cli.progress import RunProgress
    from arena.config import BakeoffConfig
    from arena.run.bakeoff import RunOutcome
    from arena.run.plan import Overrides, Plan
    from arena.run.predictions import Graded

Made = TypeVar("Made")
GRADE_COLUMNS = ("instance_id", "model", "verdict", "reason", "seconds")

ConfigFile = Annotated[Path, typer.Argument(help="The bake-off to run, such as bakeoff.toml.")]
TaskFlag = Annotated[list[str] | None, unset("Run this task or pack only; may be repeated.", "all")]
ContestantFlag = Annotated[list[str] | None, unset("Run this one only; may be repeated.", "all")]
AttemptsFlag = Annotated[
    int | None,
    unset("Attempts per task; fewer than before narrow the run.", "the configuration's", min=1),
]
ConcurrencyFlag = Annotated[int | None, unset("Trials at once.", "the configuration's", min=1)]
OutFlag = Annotated[Path | None, unset("The run directory.", "runs/NAME")]
BoardFlag = Annotated[Format, typer.Option("--format", help="Form of the scoreboard on stdout.")]
ProfilesFlag = Annotated[
    list[Path] | None,
    unset("Folder with provider profiles; may be repeated.", "the configuration's"),
]
RaceFlag = Annotated[bool, switch("--race", "Stop paying for what is decided, as [race] says.")]


def run(
    config: ConfigFile,
    task: TaskFlag = None,
    contestant: ContestantFlag = None,
    attempts: AttemptsFlag = None,
    narrow: Annotated[
        bool,
        switch("--narrow", "Leave all else of an earlier run out of its plan and its reports."),
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
    format_: BoardFlag = Format.TABLE,
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
        race=race,
    )
    _, plan = prepare(config, profiles, overrides)
    finish(plan, out or runs_dir() / plan.config.name, format_)


def demo(
    with_llm: Annotated[bool, switch("--with-llm", "Add a small real model, on this CPU.")] = False,
    out: OutFlag = None,
    concurrency: ConcurrencyFlag = None,
    race: Annotated[bool, switch("--race", "See a race end early, on made-up tasks.")] = False,
    format_: BoardFlag = Format.TABLE,
) -> None:
    """Run the demo bake-off: two baselines and two controls on eight tasks, no key needed.

    Example: arena demo --out runs/demo
    """
    from arena.demo import bakeoff as shipped
    from arena.run.plan import Overrides

    if race and with_llm:
        what = "the small model does not race"
        raise InputError(what, where="--with-llm", remedy="leave one out")
    out = out or shipped.out_dir(runs_dir(), "race" if race else "demo")
    with shipped.contestants(with_llm=with_llm, race=race, earlier=out) as tables:
        beside = out.parent / f"{out.name}-tasks"
        made = shipped.race_configuration(tables, beside) if race else shipped.configuration(tables)
        _, plan = resolve(made, Path(), "demo", Overrides(concurrency=concurrency, race=race))
        finish(plan, out, format_)


def prepare(
    config: Path, profiles: list[Path] | None, overrides: "Overrides"
) -> "tuple[Catalog, Plan]":
    """Read a configuration and resolve it."""
    from arena import config as configuration

    loaded = configuration.load(config)
    if profiles:
        loaded = loaded.model_copy(update={"profiles": tuple(str(p.resolve()) for p in profiles)})
    return resolve(loaded, config.parent, str(config), overrides)


def resolve(
    config: "BakeoffConfig", base: Path, where: str, overrides: "Overrides"
) -> "tuple[Catalog, Plan]":
    """The catalogue a configuration asks for, and its plan."""
    from arena.backend import catalog
    from arena.backend.resolve import resolve as resolve_backend
    from arena.money.prices import SHIPPED_FX
    from arena.run import plan

    known = catalog.load([base / folder for folder in config.profiles])
    backend = partial(
        resolve_backend,
        catalogue=known,
        today=options.today(),
        environ=os.environ,
        retired=overrides.retired,
    )
    made = plan.resolve(
        config, base=base, backend=backend, fx=SHIPPED_FX, overrides=overrides, where=where
    )
    if not overrides.race:
        return known, made
    from arena.run.race import as_race

    return known, as_race(made)


def start(plan: "Plan", out: Path) -> "RunOutcome":
    """Run a plan with its progress on stderr; cut short, say how to go on."""
    from arena.run import bakeoff

    planned = {c.name: plan.trials_of(c) for c in plan.contestants}
    return _shown(planned, out, lambda shown: bakeoff.run(plan, out, say=shown.say, watcher=shown))


def _shown(planned: Mapping[str, int], out: Path, work: "Callable[[RunProgress], Made]") -> Made:
    """Do what makes a run, as `start` does; `planned` counts the trials of each contestant."""
    from arena.cli.progress import RunProgress

    progress = RunProgress(planned, out)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    again = f"run the same command again to go on with {out}"
    try:
        with progress.showing():
            return work(progress)
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
    with suppress(OSError):  # whoever read it may be gone
        sys.stderr.flush()
    os._exit(code)


def finish(plan: "Plan", out: Path, as_: Format) -> None:
    """Run a plan, write its page, print its scoreboard, and exit by what came out."""
    outcome = start(plan, out)
    # Only now: numpy, scipy and the charts take 90 MB that trials need not wait or pay for.
    from arena.cli.report import show
    from arena.report.format import plural
    from arena.report.scored import score
    from arena.report.site import build

    scored = score(outcome.results)
    page = build(scored)
    show(scored, as_)
    say(f"page: {page}")
    if outcome.outside:
        more = plural(outcome.outside, "trial")
        say(
            f"{more} more without a verdict that this command did not ask for; without --task and"
            " --contestant they are run, with --narrow left out for good"
        )
    if lacking := outcome.without_verdict:
        say(f"{plural(lacking, 'trial')} without a verdict; the same command tries again")
        raise typer.Exit(EXIT_NO_VERDICT)


def grade(
    predictions: Annotated[Path, typer.Argument(help="JSON or JSON Lines with patches.")],
    tasks: Annotated[
        list[str],
        typer.Option(
            "--tasks", help="Pack, task or path; may be repeated.", autocompletion=options.packs
        ),
    ],
    out: Annotated[Path | None, unset("The run directory.", "runs/grade-FILE")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Patches at once.")] = 2,
    format_: options.FormatFlag = Format.TABLE,
) -> None:
    """Grade patches that others made; writes a run directory like any run.

    Example: arena grade predictions.jsonl --tasks core
    """
    from arena.run import predictions as grading
    from arena.task import pack as packs
    from arena.task.formats.predictions import match, read_predictions

    given = read_predictions(predictions)
    known = [task for name in tasks for task in packs.load(name, base=Path())]
    found = match(given, known)
    if not found:
        raise InputError(
            f"none of its instances is a task of {', '.join(tasks)}",
            where=str(predictions),
            remedy=f"its first is {given[0].instance_id!r}",
        )
    graded = [one for one in given if one.instance_id in found]
    out = out or runs_dir() / f"grade-{predictions.stem}"
    chosen = {task.id: task for task in found.values()}
    with options.our_images() as (engine, ours):
        engine.reap()
        images = ours.ensure(list(chosen.values()))
        job = grading.GradingJob(graded, found, images, engine, jobs)
        planned = Counter(grading.contestant_name(one.model) for one in graded)
        results = _shown(
            planned, out, lambda shown: grading.grade(job, out, say=shown.say, watcher=shown)
        )
    unknown = sorted({one.instance_id for one in given} - found.keys())
    without = sorted({task.id for task in known} - chosen.keys())
    _show_grades(results, {"unknown": unknown, "without_prediction": without}, out, format_)
    if any(result.verdict is None for result in results):
        raise typer.Exit(EXIT_NO_VERDICT)


def _show_grades(
    results: list["Graded"], left: dict[str, list[str]], out: Path, format_: Format
) -> None:
    """Print results; what was left ungraded is part of the JSON, else a line on stderr."""
    told = {
        "unknown": "not graded, since they are of no task that --tasks names",
        "without_prediction": "tasks that the file has no patch for",
    }
    for key, ids in left.items():
        if ids:
            more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
            say(f"{told[key]}: {', '.join(ids[:5])}{more}")
    say(f"run: {out}")
    if format_ is Format.JSON:
        rows = [asdict(result) for result in results]
        print(json.dumps({"results": rows, **left, "run": str(out)}, ensure_ascii=False))
    else:
        emit("results", results, GRADE_COLUMNS, format_)
