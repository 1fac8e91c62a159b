"""What of ours an engine keeps between runs; its images, found by name, listed and removed.

What is known of a finished image stands in the comment of its own last layer. Labels go on to
whatever is built from an image; a comment does not, so no image of anybody else is taken for ours.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from arena.records import Record
from arena.sandbox import owner
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError

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
    """Digest of the recipe and of the versions of everything installed."""
    parent: str = ""
    """Recipe of the image it stands on."""
    base: str = ""
    """How the base image was made."""

    @property
    def tag(self) -> str:
        """`repository:tag`"""
        return _tag_of(self.kind, self.name, self.recipe)

    @property
    def comment(self) -> str:
        """What is written into the layer that finishes it."""
        return _SIGN + self.model_dump_json()


class Image(Naming):
    """One image of ours on the engine."""

    id: str
    """The engine's own digest, `sha256:…`."""
    size_bytes: int
    """All layers, those shared with other images included."""
    created_s: float
    """Seconds since the epoch."""

    @property
    def size_mb(self) -> int:
        """The same in megabytes of 2^20 bytes."""
        return self.size_bytes >> 20

    def below(self, kind: ImageKind, name: str, recipe: str, content: str) -> Naming:
        """The naming of an image that stands on this one."""
        return Naming(
            kind=kind,
            name=name,
            recipe=recipe,
            content=content,
            parent=self.recipe,
            base=self.base,
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


class Store:
    """Images of ours on one engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, kind: ImageKind, name: str, recipe: str) -> Image | None:
        """The finished image of a recipe under its name; None for anything else of that name."""
        image = self.named(_tag_of(kind, name, recipe))
        return image if image and image.recipe == recipe else None

    def all(self) -> list[CachedItem]:
        """Every image of ours."""
        there = self._connection.raw.images(filters={"label": [owner.LABEL_OWNER]})
        images = [image for one in there if (image := self.named(one["Id"]))]
        sizes = {image.recipe: image.size_bytes for image in images}
        parents = {image.parent for image in images}
        containers = self._connection.raw.containers(all=True)
        held = {fields["ImageID"] for fields in containers}
        return [
            CachedItem(
                what=image,
                own_bytes=max(image.size_bytes - sizes.get(image.parent, 0), 0),
                last_used_s=owner.last_used(image.recipe) or image.created_s,
                in_use=image.id in held or image.recipe in parents or owner.in_use(image.recipe),
            )
            for image in images
        ]

    def layers(self, image: str) -> tuple[list[str], list[str]]:
        """Digests of an image's layers, and of those of the language image below it."""
        own = below = self._inspect(image)
        while not (known := _written_on(below)) or known.kind != "language":
            if not below["Parent"]:
                return own["RootFS"]["Layers"], []
            below = self._inspect(below["Parent"])
        return own["RootFS"]["Layers"], below["RootFS"]["Layers"]

    def _inspect(self, image: str) -> dict[str, Any]:
        fields: dict[str, Any] = self._connection.raw.inspect_image(image)
        return fields

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
            fields = self._inspect(name)
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


def _tag_of(kind: ImageKind, name: str, recipe: str) -> str:
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
