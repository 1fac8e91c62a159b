"""Agents that are programs of their own: the shipped profiles, and a user's."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from arena.config import input_error
from arena.errors import InputError
from arena.program import AS_PROFILE, Program
from arena.registry import AGENTS
from arena.serialize import read_toml

SHIPPED = Path(__file__).parent / "profiles"


def load(paths: Sequence[Path] = ()) -> dict[str, Program]:
    """Profiles by name.

    Args:
        paths: files, or folders of files, that add to the shipped ones or replace them.

    Raises:
        InputError: a file that cannot be read or does not fit the form, or the name of a built-in
            agent or of another file in the folder.
    """
    found: dict[str, Program] = {}
    for path in (SHIPPED, *paths):
        files: dict[str, Path] = {}
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            program = read(file)
            if other := files.get(program.name):
                raise InputError(
                    f"{other.name} is called {program.name!r} too",
                    where=str(file),
                    remedy="choose another name",
                )
            files[program.name] = file
            found[program.name] = program
    return dict(sorted(found.items()))


def read(file: Path) -> Program:
    """One profile."""
    try:
        program = Program.model_validate(read_toml(file), context=AS_PROFILE)
    except ValidationError as error:
        raise input_error(error, where=str(file), root=Program) from None
    if program.name in AGENTS:
        raise InputError(
            f"{program.name!r} is a built-in agent", where=str(file), remedy="choose another name"
        )
    return program
