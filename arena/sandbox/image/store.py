"""What of ours an engine keeps between runs; its images, found by label, listed and removed."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from arena.records import Record
from arena.sandbox import owner
from arena.sandbox.docker import Connection, EngineRefusedError

_LABELS = {key: f"arena.{key}" for key in ("kind", "name", "recipe", "content", "parent", "base")}
"""Labels of an image by the fields that they are read into."""
LABEL_KIND, LABEL_RECIPE = _LABELS["kind"], _LABELS["recipe"]

ImageKind = Literal["base", "language", "task"]


class Image(Record):
    """One image of ours on the engine."""

    id: str
    """The engine's own digest, `sha256:…`."""
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
    size_bytes: int
    """All layers, those shared with other images included."""
    created_s: float
    """Seconds since the epoch."""


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

    def find(self, recipe: str) -> Image | None:
        """The newest image of a recipe."""
        found = self._images(f"{LABEL_RECIPE}={recipe}")
        return max(found, key=lambda image: image.created_s, default=None)

    def index(self) -> dict[str, Image]:
        """The newest image of every recipe."""
        images = sorted(self._images(LABEL_KIND), key=lambda image: image.created_s)
        return {image.recipe: image for image in images}

    def all(self) -> list[CachedItem]:
        """Every image of ours."""
        images = self._images(LABEL_KIND)
        sizes = {image.recipe: image.size_bytes for image in images}
        parents = {image.parent for image in images}
        with self._connection.guard():
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
        while not (language := _is_language(below)) and below["Parent"]:
            below = self._inspect(below["Parent"])
        return own["RootFS"]["Layers"], below["RootFS"]["Layers"] if language else []

    def _inspect(self, image: str) -> dict[str, Any]:
        with self._connection.guard():
            fields: dict[str, Any] = self._connection.raw.inspect_image(image)
        return fields

    def remove(self, image: Image) -> bool:
        """Remove one image; false when the engine says that it is in use."""
        try:
            with self._connection.guard():
                self._connection.raw.remove_image(image.id, force=False)
        except EngineRefusedError:
            return False
        owner.forget(image.recipe)
        return True

    def _images(self, label: str) -> list[Image]:
        with self._connection.guard():
            found = self._connection.raw.images(filters={"label": [label]})
        kinds = get_args(ImageKind)
        return [_image(fields) for fields in found if fields["Labels"].get(LABEL_KIND) in kinds]


def _is_language(fields: Mapping[str, Any]) -> bool:
    return bool((fields["Config"]["Labels"] or {}).get(LABEL_KIND) == "language")


class Naming(NamedTuple):
    """Under what an image is kept, and what is written on it when it is made."""

    tag: str
    """`repository:tag`"""
    labels: dict[str, str]

    @classmethod
    def of(
        cls, kind: ImageKind, name: str, recipe: str, content: str, parent: str, base: str
    ) -> "Naming":
        """Of an image with these fields; see `Image`."""
        values = (kind, name, recipe, content, parent, base)
        labels = dict(zip(_LABELS.values(), values, strict=True))
        return cls(f"arena/{kind}/{name.lower()}:{recipe[:12]}", labels)

    @classmethod
    def on(cls, below: Image, kind: ImageKind, name: str, recipe: str, content: str) -> "Naming":
        """Of an image that stands on another."""
        return cls.of(kind, name, recipe, content, below.recipe, below.base)


def _image(fields: Mapping[str, Any]) -> Image:
    known = {key: fields["Labels"].get(label, "") for key, label in _LABELS.items()}
    return Image(id=fields["Id"], size_bytes=fields["Size"], created_s=fields["Created"], **known)
