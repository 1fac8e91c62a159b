"""Every command and the module it lives in; a command's imports happen when it runs."""

import typer

from arena.cli import (
    agents,
    backends,
    decide,
    grade,
    money,
    nights,
    race,
    report,
    run,
    sandboxes,
    scale,
    tasks,
)


def register(app: typer.Typer) -> None:
    """Add all commands."""
    app.command("run")(run.run)
    app.command("demo")(run.demo)
    app.command("plan")(money.plan)
    app.command("scale")(scale.scale)
    app.command("reprice")(money.reprice)
    app.command("view")(report.view)
    app.command("grade")(grade.grade)
    app.command("report")(report.report)
    app.command("compare")(decide.compare)
    app.command("recommend")(decide.recommend)
    app.command("power")(decide.power)
    app.command("gate")(nights.gate)
    app.command("trend")(nights.trend)
    app.command("retain")(nights.retain)
    app.command("race")(race.race)
    app.add_typer(tasks.app, name="tasks")
    app.add_typer(sandboxes.app, name="sandboxes")
    app.add_typer(backends.app, name="backends")
    app.add_typer(agents.app, name="agents")
    app.add_typer(sandboxes.baseline, name="baseline")
