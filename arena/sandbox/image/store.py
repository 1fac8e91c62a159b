"""What of ours an engine keeps between runs: its images found, listed, removed, and carried to
other engines, in a tar or by digest through a registry.

What is known of a finished image stands in the comment of its own last layer. Labels go on to
whatever is built from an image; a comment does not, so no image of anybody else is taken for ours.
What a tar or a registry gives is trusted as if it had been built here: name only your own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from arena.errors import EngineError, InputError
from arena.paths import safe
from arena.records import Composition, Record, Service
from arena.sandbox import owner
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError, Say, pull
from arena.serialize import read_json, shaped

UNFINISHED = "arena/unfinished"
"""Repository of images that a build is not done with; each has a tag of its own."""
_OURS = "arena/"
_SIGN = "arena image "

ImageKind = Literal["base", "language", "task"]


class Naming(Record):
    """Under what an image is kept, and what is written on it when it is finished."""

    kind: ImageKind
    name: str
    recipe: str
    """Digest of what it is made of; does not depend on the machine."""
    content: str
    """Digest of the recipe and of the versions of everything installed, the same wherever it is
    built: what a trial is matched by."""
    parent: str = ""
    """Recipe of the image it stands on."""
    base: str = ""
    """How the base image was made."""
    composition: Composition | None = None
    """What is started beside every sandbox of it; images by the tags that they have here."""

    @property
    def tag(self) -> str:
        """`repository:tag`"""
        return tag_of(self.kind, self.name, self.recipe)

    @property
    def comment(self) -> str:
        """Of the layer that finishes it."""
        return _SIGN + self.model_dump_json(exclude_none=True)


class Image(Naming):
    """One image of ours on the engine."""

    id: str
    """The engine's own digest, `sha256:…`: give it to `Engine.open`."""
    size_bytes: int
    """All layers, those shared with other images included."""
    created_s: float
    """Seconds since the epoch."""

    @property
    def services(self) -> tuple[Service, ...]:
        """What is started beside every sandbox of it."""
        return self.composition.services if self.composition else ()

    @property
    def size_mb(self) -> int:
        """The same in megabytes of 2^20 bytes."""
        return self.size_bytes >> 20

    def below(self, kind: ImageKind, name: str, recipe: str, content: str) -> Naming:
        """The naming of an image that stands on this one."""
        return Naming(
            kind=kind, name=name, recipe=recipe, content=content, parent=self.recipe, base=self.base
        )


class AgentLayer(Record):
    """One agent's programs on the engine."""

    id: str
    """Container to take the volume from: give it to `Engine.open`."""
    kind: Literal["agent"] = "agent"
    name: str
    """Of the agent."""
    recipe: str
    """Digest of what was asked for."""
    content: str
    """Digest of what was installed, down to the last package."""
    size_mb: int


class CachedItem(Record):
    """One thing of ours with what is known of its use."""

    what: Image | AgentLayer
    own_bytes: int
    """What removing it frees: of an image its size less that of the one it stands on."""
    last_used_s: float
    """Seconds since the epoch."""
    in_use: bool
    """By a container, by a living run, or by another image."""


def _is_users(tags: Sequence[str] | None) -> bool:
    """Whether an image goes by names of a user's own alone, and so is theirs to keep."""
    names = [tag.removeprefix("localhost/") for tag in tags or () if not tag.startswith("<none>")]
    return bool(names) and not any(name.startswith("arena/") for name in names)


class Store:
    """Images of ours on one engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, kind: ImageKind, name: str, recipe: str) -> Image | None:
        """The finished image of a recipe under its name; None for anything else of that name."""
        image = self.named(tag_of(kind, name, recipe))
        return image if image and image.recipe == recipe else None

    def all(self) -> list[CachedItem]:
        """Every image of ours."""
        raw = self._connection.raw
        there = raw.images(filters={"label": [owner.LABEL_OWNER]})
        own = (self.named(one["Id"]) for one in there if not _is_users(one["RepoTags"]))
        images = [image for image in own if image]
        sizes = {image.recipe: image.size_bytes for image in images}
        needed = {image.parent for image in images}
        needed |= {one.image for image in images for one in image.services}
        held = {fields["ImageID"] for fields in raw.containers(all=True)}
        return [
            CachedItem(
                what=image,
                own_bytes=max(image.size_bytes - sizes.get(image.parent, 0), 0),
                last_used_s=owner.last_used(image.recipe) or image.created_s,
                in_use=image.id in held
                or not needed.isdisjoint({image.recipe, image.tag})
                or owner.in_use(image.recipe),
            )
            for image in images
        ]

    def layers(self, image: str) -> tuple[list[str], list[str]]:
        """Digests of an image's layers, and of those of the language image below it."""
        inspect = self._connection.raw.inspect_image
        own = below = inspect(image)
        while not (known := _written_on(below)) or known.kind != "language":
            if not below["Parent"]:
                return own["RootFS"]["Layers"], []
            below = inspect(below["Parent"])
        return own["RootFS"]["Layers"], below["RootFS"]["Layers"]

    def remove(self, image: Image) -> bool:
        """Remove one image; false when the engine says that it is in use."""
        try:
            self._connection.raw.remove_image(image.id, force=False)
        except EngineRefusedError:
            return False
        owner.forget(image.recipe)
        return True

    def named(self, name: str) -> Image | None:
        """The finished image of a name or id; None where nothing of ours has it."""
        try:
            fields = self._connection.raw.inspect_image(name)
        except EngineRefusedError as error:
            if error.status != NOT_FOUND:
                raise
            return None
        known = _written_on(fields)
        if known is None:
            return None
        return Image(
            **known.model_dump(),
            id=fields["Id"],
            size_bytes=fields["Size"],
            created_s=datetime.fromisoformat(fields["Created"]).timestamp(),
        )


def tag_of(kind: ImageKind, name: str, recipe: str) -> str:
    """The name and tag that only a finished image gets; older versions gave shorter ones."""
    return f"{_OURS}{kind}/{name.lower()}:{recipe[:16]}"


def _written_on(fields: Mapping[str, Any]) -> Naming | None:
    """What the build that finished an image wrote on it; None for images of anybody else."""
    comment = str(fields.get("Comment") or "")
    if not comment.startswith(_SIGN):
        return None
    try:
        return Naming.model_validate_json(comment.removeprefix(_SIGN))
    except ValidationError:
        return None


# ── carried to other engines ───────────────────────────────────────────────────────────────────

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
    """Take the images of a tar that `save` wrote; `InputError` for all else, which is removed."""
    before = {fields["Id"] for fields in connection.raw.images()}
    with safe(path).open("rb") as tar, connection.guard():
        told = "".join(str(part.get("stream", "")) for part in connection.raw.load_image(tar))
    names = re.findall(r"^Loaded image: (\S+)", told, re.MULTILINE)
    found, foreign = [], []
    for name in dict.fromkeys(names):
        image = Store(connection).named(name)
        if image and image.tag == name.removeprefix("localhost/"):
            found.append(image)
        else:
            foreign.append(name)
            connection.raw.remove_image(name)
    if foreign or not names:
        what = f"holds {', '.join(foreign)}, which is no image of ours" if foreign else "is empty"
        raise InputError(what, where=str(path), remedy="give what 'arena sandboxes push' wrote")
    return [image for image in found if image.id not in before] or found


def push(connection: Connection, images: Sequence[Image], repository: str, say: Say) -> ImageLock:
    """Push each image as `repository/kind/name:recipe`; `InputError` where it is not taken."""
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
    """Pull the images of a lock, by digest, under the names that runs look for. Raises `InputError`
    where a registry does not have one, or it is not the image that the lock says.
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
    remedy = "give what 'arena sandboxes push --lock' wrote, or a .tar"
    return shaped(read_json(path), ImageLock, where=f"{path}: not a lock", remedy=remedy)
