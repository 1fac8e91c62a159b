"""`arena run` and `arena demo`."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Format, runs_dir

if TYPE_CHECKING:
    from arena.config import BakeoffConfig
    from arena.plan import Overrides

ConfigFile = Annotated[Path, typer.Argument(help="The bake-off to run, such as bakeoff.toml.")]
TaskFlag = Annotated[
    list[str] | None, typer.Option("--task", help="Run these tasks or packs only.")
]
ContestantFlag = Annotated[
    list[str] | None, typer.Option("--contestant", help="Run these contestants only.")
]
AttemptsFlag = Annotated[int | None, typer.Option(min=1, help="Attempts per task.")]
ConcurrencyFlag = Annotated[int | None, typer.Option(min=1, help="Trials at once.")]
OutFlag = Annotated[Path | None, typer.Option(help="The run directory. [default: runs/<name>]")]
FormatFlag = Annotated[Format, typer.Option("--format", help="Form of the scoreboard on stdout.")]
ProfilesFlag = Annotated[
    list[Path] | None, typer.Option("--profiles", help="Folder with provider profiles.")
]


def run(
    config: ConfigFile,
    task: TaskFlag = None,
    contestant: ContestantFlag = None,
    attempts: AttemptsFlag = None,
    concurrency: ConcurrencyFlag = None,
    out: OutFlag = None,
    profiles: ProfilesFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Run a bake-off, or go on with one that was interrupted."""
    from arena import config as configuration
    from arena.plan import Overrides

    overrides = Overrides(tuple(task or ()), tuple(contestant or ()), attempts, concurrency)
    loaded = configuration.load(config)
    if profiles:
        loaded = loaded.model_copy(update={"profiles": tuple(str(p) for p in profiles)})
    finish(loaded, base=config.parent, where=str(config), overrides=overrides, out=out, as_=format_)


def demo(
    with_llm: Annotated[
        bool, typer.Option("--with-llm", help="Add a small real language model, run on this CPU.")
    ] = False,
    out: OutFlag = None,
    concurrency: ConcurrencyFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Run the demo bake-off: two baselines and two controls on eight tasks, no key needed."""
    from arena import demo as shipped
    from arena.plan import Overrides

    out = out or shipped.out_dir(runs_dir())
    with shipped.contestants(with_llm=with_llm, earlier=out) as tables:
        made = shipped.configuration(tables)
        overrides = Overrides(concurrency=concurrency)
        finish(made, base=Path(), where="demo", overrides=overrides, out=out, as_=format_)


def finish(
    config: "BakeoffConfig",
    *,
    base: Path,
    where: str,
    overrides: "Overrides",
    out: Path | None,
    as_: Format,
) -> None:
    """Run a configuration, write its page, print its scoreboard, and exit by what came out."""
    from arena import bakeoff, plan
    from arena.backend import catalogue
    from arena.backend.resolve import resolve
    from arena.cli import EXIT_INTERRUPTED, EXIT_NO_VERDICT
    from arena.cli.progress import Progress
    from arena.cli.report import show, write_page
    from arena.report.scored import score

    known = catalogue.load([base / folder for folder in config.profiles])
    today = datetime.now(UTC).date()
    made = plan.resolve(
        config,
        base=base,
        backend=lambda ref: resolve(ref, known, today=today, environ=os.environ),
        overrides=overrides,
        where=where,
    )
    out = out or runs_dir() / config.name
    progress = Progress(list(made.contestants), len(made.tasks) * made.config.attempts)
    try:
        with progress.showing():
            outcome = bakeoff.run(made, out, say=progress.say, listener=progress)
    except KeyboardInterrupt:
        progress.say(f"interrupted; run the same command again to go on with {out}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    scored = score(outcome.results)
    page = write_page(scored)
    show(scored, as_)
    progress.say(f"page: {page}")
    if outcome.without_verdict:
        progress.say(
            f"{outcome.without_verdict} trials have no verdict; run the same command again to "
            "try them again"
        )
        raise typer.Exit(EXIT_NO_VERDICT)
