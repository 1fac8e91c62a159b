"""Every command and the module it lives in; a command's imports happen when it runs."""

import typer

from arena.cli import (
    agents,
    backends,
    decide,
    money,
    nights,
    report,
    run,
    sandboxes,
    scale,
    tasks,
)


def register(app: typer.Typer) -> None:
    """Add all commands."""
    for command in (
        run.run, run.demo, money.plan, scale.scale, money.reprice, report.view, run.grade,
        report.report, decide.compare, decide.recommend, decide.power, nights.gate, nights.trend,
        nights.retain, decide.race,
    ):  # fmt: skip
        app.command()(command)
    app.add_typer(tasks.app, name="tasks")
    app.add_typer(sandboxes.app, name="sandboxes")
    app.add_typer(backends.app, name="backends")
    app.add_typer(agents.app, name="agents")
    app.add_typer(sandboxes.baseline, name="baseline")
