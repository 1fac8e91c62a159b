"""`arena agents`: who can drive a model here, and what they did."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli import options
from arena.cli.options import Format, FormatFlag, argument, emit, unset
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.records import AgentCapabilities
    from arena.records.program import Program

app = typer.Typer(
    help="List, check and install agents; export trajectories.\n\nExample: arena agents list",
    no_args_is_help=True,
)

COLUMNS = ("name", "kind", "api", "label", "installs")
AgentsFlag = Annotated[
    list[Path] | None,
    unset("File or folder with profiles of agents; may be repeated.", "the shipped ones alone"),
]


@app.command("list")
def list_(agents: AgentsFlag = None, format_: FormatFlag = Format.TABLE) -> None:
    """List the agents a configuration may name.

    Example: arena agents list
    """
    from arena.agent import external
    from arena.registry import AGENTS, agent_module

    rows = [_row(name, agent_module(name).capabilities(name, {})) for name in AGENTS]
    programs = external.load(agents or ()).values()
    rows += [_row(one.name, external.capabilities(one), one) for one in programs]
    emit("agents", rows, COLUMNS, format_)


def _row(name: str, able: "AgentCapabilities", program: "Program | None" = None) -> dict[str, str]:
    """One agent, with the APIs that it speaks, the best first, and the packages of a program."""
    return {
        "name": name,
        "kind": "program" if program else "control" if able.control else "built in",
        "label": able.label,
        "api": ", ".join(able.apis),
        "installs": ", ".join([*program.install.npm, *program.install.pip]) if program else "",
        "limits": " ".join(program.limits) if program else "",
        "source": program.source if program else "",
    }


@app.command()
def check(
    names: Annotated[
        list[str] | None, argument("Agents that are programs.", options.programs, "all")
    ] = None,
    agents: AgentsFlag = None,
) -> None:
    """Install agents that are programs, where they are missing, and start each of them once.

    Example: arena agents check claude-code codex
    """
    from arena.report.format import plain
    from arena.run.check_agents import checked

    failed = False
    for name, problem in checked(names or (), agents or (), say=options.say):
        print(plain(f"{name}: {problem or 'ok'}"))
        failed = failed or problem is not None
    raise typer.Exit(int(failed))


@app.command()
def remove(
    names: Annotated[list[str], argument("Agents whose programs go.", options.programs)],
) -> None:
    """Remove installed programs; the next run installs them again.

    Example: arena agents remove codex
    """
    from arena.sandbox.image.layer import Layers

    with options.our_images() as (engine, _):
        layers = Layers(engine.connection)
        installed = layers.all()
        for name in names:
            if name not in {layer.name for layer in installed}:
                raise InputError(f"no programs of {name!r} are installed", where="agents remove")
        for layer in installed:
            if layer.name in names:
                layers.remove(layer)
                print(f"removed {layer.name} ({layer.size_mb} MB)")


@app.command()
def trajectories(
    run: Annotated[Path, typer.Argument(help="Folder that `arena run` wrote.")],
    out: Annotated[Path | None, unset("Folder to write to.", "trajectories in the run")] = None,
) -> None:
    """Export every trial's transcript as an ATIF trajectory, which other viewers open.

    Example: arena agents trajectories runs/first
    """
    from arena.paths import SafePath
    from arena.report.interchange import trajectories_of_run
    from arena.rundir.directory import file_stem

    folder = SafePath(out) if out else SafePath(run) / "trajectories"
    for name, trajectory in trajectories_of_run(run):
        with options.writing(folder, "--out"):
            (folder / f"{file_stem(name)}.json").write(json.dumps(trajectory, indent=1))
    with options.writing(folder, "--out"):
        folder.mkdir()
    print(folder)
