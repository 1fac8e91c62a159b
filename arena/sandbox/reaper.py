"""Removes what runs of this project left on an engine when they died."""

from contextlib import suppress

from pydantic import ValidationError

from arena.sandbox.docker import Connection, RefusedError
from arena.sandbox.owner import LABEL_OWNER, Owner


def reap(connection: Connection) -> list[str]:
    """Remove the containers of dead processes; ids of what was removed.

    A container is left alone when its process lives, when it is another machine's, or when its
    label cannot be read.
    """
    here = Owner.current()
    raw = connection.raw
    with connection.guard():
        found = raw.containers(all=True, filters={"label": [LABEL_OWNER]})
    removed = []
    for fields in found:
        try:
            owner = Owner.model_validate_json(fields["Labels"][LABEL_OWNER])
        except ValidationError:
            continue
        if owner.is_dead(here):
            remove(connection, fields["Id"])
            removed.append(str(fields["Id"]))
    return removed


def remove(connection: Connection, ident: str) -> None:
    """Remove a container, running or not; nothing happens when it is gone already."""
    with suppress(RefusedError), connection.guard():
        connection.raw.remove_container(ident, force=True, v=True)
