"""The images of ours that an engine holds: found by label, listed, removed."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from arena.records import Record
from arena.sandbox import owner
from arena.sandbox.docker import Connection, EngineRefusedError

LABEL_KIND = "arena.kind"
LABEL_NAME = "arena.name"
LABEL_RECIPE = "arena.recipe"
LABEL_CONTENT = "arena.content"
LABEL_PARENT = "arena.parent"
LABEL_BASE = "arena.base"

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


class StoredImage(Record):
    """An image with what is known of its use."""

    image: Image
    own_bytes: int
    """What removing it frees: its size less that of the image it stands on."""
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

    def all(self) -> list[StoredImage]:
        """Every image of ours, the least recently used first."""
        images = self._images(LABEL_KIND)
        sizes = {image.recipe: image.size_bytes for image in images}
        parents = {image.parent for image in images}
        with self._connection.guard():
            containers = self._connection.raw.containers(all=True)
        held = {fields["ImageID"] for fields in containers}
        stored = [
            StoredImage(
                image=image,
                own_bytes=max(image.size_bytes - sizes.get(image.parent, 0), 0),
                last_used_s=owner.last_used(image.recipe) or image.created_s,
                in_use=image.id in held or image.recipe in parents or owner.in_use(image.recipe),
            )
            for image in images
        ]
        return sorted(stored, key=lambda one: (one.last_used_s, one.image.recipe))

    def layers(self, image: str) -> tuple[list[str], list[str]]:
        """Digests of an image's layers, and of those of the language image below it."""
        own = below = self._inspect(image)
        while below["Parent"] and _kind(below) != "language":
            below = self._inspect(below["Parent"])
        under = below["RootFS"]["Layers"] if _kind(below) == "language" else []
        return own["RootFS"]["Layers"], under

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


def _kind(fields: Mapping[str, Any]) -> str | None:
    kind: str | None = (fields["Config"]["Labels"] or {}).get(LABEL_KIND)
    return kind


def tag(kind: ImageKind, name: str, recipe: str) -> str:
    """The name, `repository:tag`, under which an image is kept."""
    return f"arena/{kind}/{name}:{recipe[:12]}"


def labels(
    kind: ImageKind, name: str, recipe: str, *, content: str = "", parent: str = "", base: str = ""
) -> dict[str, str]:
    """What is written on an image when it is made."""
    return {
        LABEL_KIND: kind,
        LABEL_NAME: name,
        LABEL_RECIPE: recipe,
        LABEL_CONTENT: content or recipe,
        LABEL_PARENT: parent,
        LABEL_BASE: base,
    }


def _image(fields: Mapping[str, object]) -> Image:
    marks = fields["Labels"]
    assert isinstance(marks, dict)
    return Image.model_validate(
        {
            "id": fields["Id"],
            "kind": marks[LABEL_KIND],
            "name": marks.get(LABEL_NAME, ""),
            "recipe": marks.get(LABEL_RECIPE, ""),
            "content": marks.get(LABEL_CONTENT, ""),
            "parent": marks.get(LABEL_PARENT, ""),
            "base": marks.get(LABEL_BASE, ""),
            "size_bytes": fields["Size"],
            "created_s": fields["Created"],
        }
    )
