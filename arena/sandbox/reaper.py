"""Removes what runs of this project left on an engine when they died."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from arena.sandbox.docker import Connection, RefusedError
from arena.sandbox.owner import LABEL_ENGINE, LABEL_OWNER, Owner


def reap(connection: Connection) -> list[str]:
    """Remove the containers and half-built images of dead processes; ids of what was removed.

    Something is left alone when its process lives, when it is another machine's, or when its label
    cannot be read.
    """
    raw = connection.raw
    with connection.guard():
        containers = _dead(raw.containers(all=True, filters={"label": [LABEL_OWNER]}))
        images = _dead(raw.images(filters={"label": [LABEL_OWNER]}))
    for ident in containers:
        remove(connection, ident)
    for ident in images:
        remove_image(connection, ident)
    return containers + images


def reap_of(connection: Connection, engine: str) -> None:
    """Remove the containers that carry the id of one engine object of ours."""
    with connection.guard():
        found = connection.raw.containers(all=True, filters={"label": [f"{LABEL_ENGINE}={engine}"]})
    for fields in found:
        remove(connection, str(fields["Id"]))


def remove(connection: Connection, ident: str) -> None:
    """Remove a container, running or not; nothing happens when it is gone already."""
    with suppress(RefusedError), connection.guard():
        connection.raw.remove_container(ident, force=True, v=True)


def remove_image(connection: Connection, name: str) -> None:
    """Remove an image and the unnamed ones under it that nothing else needs."""
    with suppress(RefusedError), connection.guard():
        connection.raw.remove_image(name, force=True)


def _dead(found: Sequence[Mapping[str, Any]]) -> list[str]:
    here = Owner.current()
    dead = []
    for fields in found:
        with suppress(ValidationError):
            if Owner.model_validate_json(fields["Labels"][LABEL_OWNER]).is_dead(here):
                dead.append(str(fields["Id"]))
    return dead
