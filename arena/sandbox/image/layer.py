"""Agents' programs: installed once, kept in a volume, attached read-only to any container; and the
cache of all that an engine keeps, images and programs.

A layer is a container that never runs and owns the volume. It appears under its name only when
the volume is complete, so whoever sees it may use it; removing it removes the volume.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.errors import EngineError
from arena.records import File, digest_of
from arena.records.container import LAYER
from arena.records.program import Install
from arena.sandbox import files, owner
from arena.sandbox.docker import Connection, EngineRefusedError, Say
from arena.sandbox.image import build, settings
from arena.sandbox.image.store import AgentLayer, CachedItem, Image, Store

SCRIPT = Path(__file__).with_name("layer.sh")
LABEL_LAYER, LABEL_AGENT, LABEL_CONTENT, LABEL_SIZE = (
    f"arena.layer.{name}" for name in ("recipe", "agent", "content", "size_mb")
)
_CONFLICT = 409
_SHOWN_LINES = 5
_LISTING_LIMIT = 16 << 20


class Layers:
    """Makes, finds and removes agents' programs on one engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure(self, agent: str, install: Install, base: Image, say: Say) -> AgentLayer:
        """An agent's layer, installed by the base image if missing; `EngineError` if that fails."""
        recipe = digest_of([base.recipe, install.model_dump(mode="json"), SCRIPT.read_text()])
        owner.mark(recipe)
        if (found := self._find(recipe)) is None:
            self._make(agent, recipe, install, base.id, say)
            found = self._find(recipe)
        if found is None:
            raise EngineError(f"the engine lost the programs of {agent}")
        return found

    def all(self) -> list[AgentLayer]:
        """What is installed, in order of name."""
        there = self._connection.raw.containers(all=True, filters={"label": [LABEL_LAYER]})
        return sorted(map(_layer, there), key=lambda layer: layer.name)

    def cached(self) -> list[CachedItem]:
        """What is installed, with what is known of its use."""
        there = self._connection.raw.containers(all=True)
        users = Counter(volume for fields in there for volume in _volumes(fields))
        return [
            CachedItem(
                what=(layer := _layer(one)),
                own_bytes=layer.size_mb << 20,
                last_used_s=owner.last_used(layer.recipe) or one["Created"],
                in_use=owner.in_use(layer.recipe) or any(users[name] > 1 for name in _volumes(one)),
            )
            for one in there
            if LABEL_LAYER in one["Labels"]
        ]

    def remove(self, layer: AgentLayer) -> bool:
        """Remove a layer and its volume; true, since containers keep it until they end."""
        owner.remove(self._connection, layer.id)
        owner.forget(layer.recipe)
        return True

    def _find(self, recipe: str) -> AgentLayer | None:
        return next((one for one in self.all() if one.recipe == recipe), None)

    def _make(self, agent: str, recipe: str, install: Install, base: str, say: Say) -> None:
        script = "/tmp/layer.sh"  # noqa: S108
        given = [
            File(path=script, data=SCRIPT.read_bytes()),
            File(path="/tmp/steps.sh", data="\n".join(install.steps).encode()),  # noqa: S108
            *settings.files(),
        ]
        asked = {
            "NODE_VERSION": install.node or "",
            "NPM_PACKAGES": " ".join(install.npm),
            "PIP_PACKAGES": " ".join(install.pip),
        }
        with build.container(
            self._connection,
            base,
            ("/bin/sh", script),
            network=True,
            environment={**build.proxies(), **asked},
            volumes=[LAYER],
        ) as ident:
            files.put(self._connection, ident, given, owner=0)
            self._run(agent, ident, say)
            listing = self._read(ident, "contents.txt")
            labels = {
                LABEL_LAYER: recipe,
                LABEL_AGENT: agent,
                LABEL_CONTENT: digest_of([recipe, listing.decode("utf-8", "replace")]),
                LABEL_SIZE: self._read(ident, "size_mb.txt").decode().strip(),
            }
            self._keep(f"arena-agent-{agent}-{recipe[:12]}", ident, base, labels)

    def _run(self, agent: str, name: str, say: Say) -> None:
        raw = self._connection.raw
        lines: list[str] = []
        with self._connection.guard():
            raw.start(name)
            for piece in raw.logs(name, stream=True, follow=True):
                for line in piece.decode("utf-8", "replace").splitlines():
                    lines.append(line)
                    say(line)
            code = raw.wait(name)["StatusCode"]
        if code:
            tail = " / ".join(lines[-_SHOWN_LINES:])
            raise EngineError(f"the programs of {agent} could not be installed: {tail}")

    def _read(self, name: str, path: str) -> bytes:
        return files.read(self._connection, name, f"{LAYER}/{path}", limit=_LISTING_LIMIT).data

    def _keep(self, name: str, builder: str, base: str, labels: dict[str, str]) -> None:
        """Let a container without an owner take over the volume; the first of several wins."""
        raw = self._connection.raw
        config = raw.create_host_config(volumes_from=[builder], network_mode="none")
        try:
            raw.create_container(
                base,
                command=["true"],
                entrypoint=[],
                name=name,
                host_config=config,
                labels=labels,
                use_config_proxy=False,
            )
        except EngineRefusedError as error:
            if error.status != _CONFLICT:
                raise


def _volumes(fields: Mapping[str, Any]) -> list[str]:
    """Names of the volumes that a container sees."""
    return [mount["Name"] for mount in fields["Mounts"] if mount["Type"] == "volume"]


def _layer(fields: Mapping[str, Any]) -> AgentLayer:
    labels = fields["Labels"]
    return AgentLayer(
        id=fields["Id"],
        name=labels[LABEL_AGENT],
        recipe=labels[LABEL_LAYER],
        content=labels[LABEL_CONTENT],
        size_mb=int(labels[LABEL_SIZE]),
    )


# ── images and programs ────────────────────────────────────────────────────────────────────────


def kept(connection: Connection) -> list[CachedItem]:
    """All that an engine keeps of ours, the least recently used first."""
    there = [*Store(connection).all(), *Layers(connection).cached()]
    return sorted(there, key=lambda one: (one.last_used_s, one.what.recipe))


def prune(connection: Connection, keep_bytes: int) -> list[CachedItem]:
    """Remove what nothing uses, the least recently used first, down to `keep_bytes`; what went."""
    store, layers = Store(connection), Layers(connection)
    removed: list[CachedItem] = []
    refused: set[str] = set()
    while one := next_to_go(kept(connection), keep_bytes, refused):
        what = one.what
        if store.remove(what) if isinstance(what, Image) else layers.remove(what):
            removed.append(one)
        else:
            refused.add(what.id)
    return removed


def next_to_go(
    there: Sequence[CachedItem], keep_bytes: int, refused: Collection[str] = ()
) -> CachedItem | None:
    """What goes first, of things in order of use; None when what is there may stay."""
    if sum(one.own_bytes for one in there) <= keep_bytes:
        return None
    free = (one for one in there if not one.in_use and one.what.id not in refused)
    return next(free, None)
