"""Finished images carried from one engine to another: in a tar, or by digest through a registry.

What a tar or a registry gives is trusted as if it had been built here: name only your own.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from arena.errors import EngineError, InputError
from arena.paths import safe
from arena.records import Record
from arena.sandbox.docker import Connection
from arena.sandbox.image.sources import Say, pull
from arena.sandbox.image.store import Image, Naming, Store
from arena.serialize import read_text, wrong_shape

LOCK_VERSION = 1


class Pushed(Record):
    """One image in a registry."""

    image: Naming
    reference: str
    """`host/repository@sha256:…`"""


class ImageLock(Record):
    """A set of images in a registry, each by its digest."""

    version: int = LOCK_VERSION
    images: tuple[Pushed, ...]


def save(connection: Connection, images: Sequence[Image], path: Path) -> None:
    """Write images into one tar; layers that they share are in it once."""
    with connection.guard(), safe(path).open("wb") as out:
        for chunk in connection.saved([image.tag for image in images]):
            out.write(chunk)


def load(connection: Connection, path: Path) -> list[Image]:
    """Take the images of a tar that `save` wrote.

    Raises:
        InputError: it is no such tar, or holds anything but finished images; that is removed.
    """
    before = {fields["Id"] for fields in connection.raw.images()}
    with safe(path).open("rb") as tar, connection.guard():
        told = "".join(str(part.get("stream", "")) for part in connection.raw.load_image(tar))
    names = re.findall(r"^Loaded image: (?:localhost/)?(\S+)", told, re.MULTILINE)
    loaded = {name: Store(connection).named(name) for name in names}
    found = [image for name, image in loaded.items() if image and image.tag == name]
    foreign = loaded.keys() - {image.tag for image in found}
    for name in foreign:
        connection.raw.remove_image(name)
    if foreign or not names:
        what = f"holds {', '.join(foreign)}, which is no image of ours" if foreign else "is empty"
        raise InputError(what, where=str(path), remedy="give what 'arena sandboxes push' wrote")
    return [image for image in found if image.id not in before] or found


def push(connection: Connection, images: Sequence[Image], repository: str, say: Say) -> ImageLock:
    """Push images to a registry, each as `repository/kind/name:recipe`.

    Raises:
        InputError: the registry does not take one.
    """
    pushed = []
    for image in images:
        name, _, tag = image.tag.removeprefix("arena/").rpartition(":")
        target = f"{repository.rstrip('/')}/{name}"
        say(f"pushing {target}:{tag}")
        with connection.registry(target) as client:
            client.tag(image.id, target, tag)
            try:
                digest = _digest_of(client.push(target, tag=tag, stream=True, decode=True), target)
            finally:
                client.remove_image(f"{target}:{tag}", noprune=True)
        naming = Naming.model_validate(image.model_dump(include=set(Naming.model_fields)))
        pushed.append(Pushed(image=naming, reference=f"{target}@{digest}"))
    return ImageLock(images=tuple(pushed))


def _digest_of(told: Iterator[dict[str, Any]], target: str) -> str:
    digest = ""
    for step in told:
        if "error" in step:
            remedy = "name a registry that you may push to, such as 127.0.0.1:5000/arena"
            raise InputError(f"was not pushed: {step['error']}", where=target, remedy=remedy)
        digest = (step.get("aux") or {}).get("Digest") or digest
    if not digest:
        raise EngineError(f"the engine told no digest of what it pushed to {target}")
    return digest


def fetch(connection: Connection, lock: ImageLock, say: Say) -> list[Image]:
    """Pull the images of a lock, by digest, under the names that runs look for.

    Raises:
        InputError: a registry does not have one, or it is not the image that the lock says.
    """
    store, found = Store(connection), []
    for one in lock.images:
        key = one.image.kind, one.image.name, one.image.recipe
        image = store.find(*key)
        if image is None:
            name = pull(connection, one.reference, say)
            connection.raw.tag(name, *one.image.tag.split(":"))
            connection.raw.remove_image(name, noprune=True)  # of two names none can be pruned
            image = store.find(*key)
        if image is None or image.content != one.image.content:
            raise InputError(
                f"{one.image.tag} is not what the lock says",
                where=one.reference,
                remedy="push the images again, or remove the one that is here",
            )
        found.append(image)
    return found


def text_of(lock: ImageLock) -> str:
    """The file of a lock."""
    return lock.model_dump_json(indent=1) + "\n"


def read_lock(path: Path) -> ImageLock:
    """Read a lock file. Raises `InputError` where it is none."""
    try:
        return ImageLock.model_validate_json(read_text(path))
    except ValidationError as error:
        wrong = wrong_shape(error, where=str(path))
        remedy = "give what 'arena sandboxes push --lock' wrote, or a .tar"
        raise InputError(f"not a lock: {wrong.what}", where=wrong.where, remedy=remedy) from None
