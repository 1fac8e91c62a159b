"""Agents' programs: installed once, kept in a volume, attached read-only to any container.

A layer is a container that never runs and owns the volume. It appears under its name only when
the volume is complete, so whoever sees it may use it; removing it removes the volume.
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.errors import EngineError
from arena.records import File, Record, digest_of
from arena.records.container import LAYER
from arena.records.program import Install
from arena.sandbox import archive, files, owner
from arena.sandbox.docker import Connection, EngineRefusedError
from arena.sandbox.image import build, sources
from arena.sandbox.image.sources import Say
from arena.sandbox.image.store import Image
from arena.sandbox.owner import LABEL_OWNER, Owner, remove

SCRIPT = Path(__file__).with_name("layer.sh")
LABEL_LAYER, LABEL_AGENT, LABEL_CONTENT, LABEL_SIZE = (
    f"arena.layer.{name}" for name in ("recipe", "agent", "content", "size_mb")
)
_CONFLICT = 409
_SHOWN_LINES = 5
_LISTING_LIMIT = 16 << 20


class AgentLayer(Record):
    """One agent's programs on one engine."""

    id: str
    """Container to take the volume from: give it to `Engine.open`."""
    agent: str
    recipe: str
    """Digest of what was asked for."""
    content: str
    """Digest of what was installed, down to the last package."""
    size_mb: int
    last_used_s: float
    """Seconds since the epoch."""
    in_use: bool
    """By a container or a living run."""


class Layers:
    """Makes, finds and removes agents' programs on one engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure(self, agent: str, install: Install, base: Image, say: Say) -> AgentLayer:
        """The layer of an agent, installed if it is not there.

        Args:
            agent: its name.
            install: what is to be in it.
            base: the base image, which installs it.
            say: takes one line about what is going on.

        Raises:
            EngineError: the installation failed.
        """
        recipe = digest_of([base.recipe, install.identity, SCRIPT.read_text()])
        owner.mark(recipe)
        found = self._find(recipe)
        if found is None:
            self._make(agent, recipe, install, base.id, say)
            found = self._find(recipe)
        if found is None:
            raise EngineError(f"the engine lost the programs of {agent}")
        return found

    def all(self) -> list[AgentLayer]:
        """What is installed, in order of name."""
        with self._connection.guard():
            there = self._connection.raw.containers(all=True)
        users = Counter(volume for fields in there for volume in _volumes(fields))
        layers = [_layer(one, users) for one in there if LABEL_LAYER in one["Labels"]]
        return sorted(layers, key=lambda one: one.agent)

    def remove(self, layer: AgentLayer) -> None:
        """Remove a layer and its volume; containers that use it keep it until they end."""
        remove(self._connection, layer.id)
        owner.forget(layer.recipe)

    def _find(self, recipe: str) -> AgentLayer | None:
        return next((one for one in self.all() if one.recipe == recipe), None)

    def _make(self, agent: str, recipe: str, install: Install, base: str, say: Say) -> None:
        name = f"arena-install-{secrets.token_hex(6)}"
        raw = self._connection.raw
        try:
            with self._connection.guard():
                raw.create_container(
                    base,
                    command=["/bin/sh", "/tmp/layer.sh"],  # noqa: S108
                    entrypoint=[],
                    name=name,
                    environment=_environment(install),
                    volumes=[LAYER],
                    labels={LABEL_OWNER: Owner.current().label()},
                    use_config_proxy=False,
                )
            _, tar = archive.pack(list(_inputs(install)), owner=0)
            files.write(self._connection, name, "/", tar)
            self._run(agent, name, say)
            listing = self._read(name, "contents.txt")
            labels = {
                LABEL_LAYER: recipe,
                LABEL_AGENT: agent,
                LABEL_CONTENT: digest_of([recipe, listing.decode("utf-8", "replace")]),
                LABEL_SIZE: self._read(name, "size_mb.txt").decode().strip(),
            }
            self._keep(f"arena-agent-{agent}-{recipe[:12]}", name, base, labels)
        finally:
            remove(self._connection, name)

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
        with self._connection.guard():
            config = raw.create_host_config(volumes_from=[builder], network_mode="none")
        try:
            with self._connection.guard():
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


def _inputs(install: Install) -> Iterator[File]:
    yield File(path="/tmp/layer.sh", data=SCRIPT.read_bytes())  # noqa: S108
    yield File(path="/tmp/steps.sh", data="\n".join(install.steps).encode())  # noqa: S108
    yield from sources.settings()


def _environment(install: Install) -> dict[str, str]:
    """What the script reads."""
    return {
        **build.proxies(),
        "NODE_VERSION": install.node or "",
        "NPM_PACKAGES": " ".join(install.npm),
        "PIP_PACKAGES": " ".join(install.pip),
    }


def _volumes(fields: Mapping[str, Any]) -> list[str]:
    """Names of the volumes that a container sees."""
    return [mount["Name"] for mount in fields["Mounts"] if mount["Type"] == "volume"]


def _layer(fields: Mapping[str, Any], users: Mapping[str, int]) -> AgentLayer:
    labels = fields["Labels"]
    recipe = labels[LABEL_LAYER]
    return AgentLayer(
        id=fields["Id"],
        agent=labels[LABEL_AGENT],
        recipe=recipe,
        content=labels[LABEL_CONTENT],
        size_mb=int(labels[LABEL_SIZE]),
        last_used_s=owner.last_used(recipe) or fields["Created"],
        in_use=owner.in_use(recipe) or any(users[volume] > 1 for volume in _volumes(fields)),
    )
