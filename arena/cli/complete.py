"""What a shell completes beside options: names of backends, packs, agents and contestants.

A completion that cannot be made, for a broken profile or a run that is none, is no completion.
"""

from pathlib import Path

import typer

from arena.errors import InputError


def backends(incomplete: str) -> list[str]:
    """Catalogue names."""
    from arena.backend import catalogue

    try:
        names = [f"{profile.id}/{row.id}" for profile, row in catalogue.load(()).rows()]
    except InputError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def packs(incomplete: str) -> list[str]:
    """Shipped packs, and after a slash the tasks of one."""
    from arena.task import pack

    folder, slash, _ = incomplete.partition("/")
    shipped = pack.shipped_packs()
    if not slash:
        return [name for name in shipped if name.startswith(incomplete)]
    if folder not in shipped:
        return []
    try:
        tasks = pack.load(folder, base=Path())
    except InputError:
        return []
    return [task.id for task in tasks if task.id.startswith(incomplete)]


def programs(incomplete: str) -> list[str]:
    """Agents that are programs of their own."""
    from arena.agent.roster import listed

    try:
        rows = listed(())
    except InputError:
        return []
    return [row.name for row in rows if row.installs and row.name.startswith(incomplete)]


def contestants(ctx: typer.Context, incomplete: str) -> list[str]:
    """Contestants of the run that stands before on the command line."""
    from arena.rundir import RunDir

    try:
        manifest = RunDir(Path(ctx.params["run"])).read_manifest()
    except (InputError, KeyError, TypeError):
        return []
    return [one.name for one in manifest.contestants if one.name.startswith(incomplete)]
