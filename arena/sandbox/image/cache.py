"""All that is kept on an engine between runs, images and agents' programs: listed and pruned."""

from collections.abc import Collection, Sequence
from typing import Literal

from arena.records import Record
from arena.sandbox.docker import Connection
from arena.sandbox.image.layer import AgentLayer, Layers
from arena.sandbox.image.store import Image, ImageKind, Store


class CachedItem(Record):
    """One thing of ours on the engine."""

    what: Image | AgentLayer
    own_bytes: int
    """What removing it frees."""
    last_used_s: float
    """Seconds since the epoch."""
    in_use: bool
    """By a container, by a living run, or by another image."""

    @property
    def kind(self) -> ImageKind | Literal["agent"]:
        """What it is."""
        return self.what.kind if isinstance(self.what, Image) else "agent"

    @property
    def name(self) -> str:
        """Of the image or the agent."""
        return self.what.name if isinstance(self.what, Image) else self.what.agent


class ImageCache:
    """What one engine keeps of ours."""

    def __init__(self, connection: Connection) -> None:
        self._store = Store(connection)
        self._layers = Layers(connection)

    def all(self) -> list[CachedItem]:
        """Everything, the least recently used first."""
        kept = [
            CachedItem(
                what=o.image, own_bytes=o.own_bytes, last_used_s=o.last_used_s, in_use=o.in_use
            )
            for o in self._store.all()
        ]
        kept += [
            CachedItem(
                what=layer,
                own_bytes=layer.size_mb << 20,
                last_used_s=layer.last_used_s,
                in_use=layer.in_use,
            )
            for layer in self._layers.all()
        ]
        return sorted(kept, key=lambda one: (one.last_used_s, one.what.recipe))

    def prune(self, keep_bytes: int) -> list[CachedItem]:
        """Remove the least recently used until at most `keep_bytes` are left.

        Never what something uses, and nothing that is not ours. What was removed is returned.
        """
        removed: list[CachedItem] = []
        refused: set[str] = set()
        while one := next_to_go(self.all(), keep_bytes, refused):
            if self._remove(one.what):
                removed.append(one)
            else:
                refused.add(one.what.id)
        return removed

    def _remove(self, what: Image | AgentLayer) -> bool:
        if isinstance(what, Image):
            return self._store.remove(what)
        self._layers.remove(what)
        return True


def next_to_go(
    kept: Sequence[CachedItem], keep_bytes: int, refused: Collection[str] = ()
) -> CachedItem | None:
    """The least recently used thing that nothing uses; None when what is there may stay.

    Args:
        kept: the least recently used first.
        keep_bytes: how much may stay.
        refused: ids of what could not be removed.
    """
    if sum(one.own_bytes for one in kept) <= keep_bytes:
        return None
    free = (one for one in kept if not one.in_use and one.what.id not in refused)
    return next(free, None)
