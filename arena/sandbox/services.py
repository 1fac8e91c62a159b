"""Services beside a sandbox: on a network of theirs that leads nowhere, not even to the host.

The network is internal, its bridge has no address, and no name but a service's is resolved.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from arena.errors import EngineError
from arena.records import Composition, SandboxLimits, Service
from arena.sandbox import owner
from arena.sandbox.docker import Connection, EngineRefusedError
from arena.sandbox.limits import host_config

_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"]
"""What servers need that start as root and go on as a user of their own."""
_SECOND = 1_000_000_000
# The image says how, if it does
_PROBING = {"interval": _SECOND, "timeout": 10 * _SECOND, "retries": 1000}
_READY_S = 120
_PAUSE_S = 0.2


class ServiceError(EngineError):
    """A service ended, or was not ready in time, on an engine that works."""


@contextmanager
def running(
    connection: Connection,
    composition: Composition | None,
    limits: SandboxLimits,
    labels: Mapping[str, str],
) -> Iterator[tuple[Mapping[str, object], tuple[str, ...]]]:
    """Services, each started once the one before is ready: the settings in a `HostConfig` that join
    a sandbox to them, and their containers' ids. All are gone in the end, as is what they were
    joined by, so whatever else was joined must be gone by then.

    Their images have the names that the engine knows them by; the limits are those of each. Raises
    `ServiceError` where one is not ready.
    """
    if composition is None:
        yield {}, ()
        return
    raw, name = connection.raw, f"arena-{secrets.token_hex(10)}"
    mounts = [composition.mounts, *(service.mounts for service in composition.services)]
    volumes = sorted({mount.partition(":")[0] for some in mounts for mount in some})
    # Older engines would ask the host's resolver for names that are no service's
    joined = {"NetworkMode": name, "Dns": ["127.0.0.1"]}
    idents: list[str] = []
    try:
        raw.create_network(
            name,
            driver="bridge",
            internal=True,
            options={
                "com.docker.network.bridge.inhibit_ipv4": "true",
                "com.docker.network.enable_ipv6": "false",  # an engine's default may be another
            },
            labels=dict(labels),
        )
        for volume in volumes:
            raw.create_volume(f"{name}-{volume}", labels=dict(labels))
        for service in composition.services:
            settings = {**host_config(limits), **joined, **_bound(name, service.mounts)}
            idents.append(_made(connection, service, name, settings, labels))
            raw.start(idents[-1])
            _await(connection, service, idents[-1])
        yield {**joined, **_bound(name, composition.mounts)}, tuple(idents)
    finally:
        for ident in idents:
            owner.remove(connection, ident)
        owner.remove_network(connection, name)
        for volume in volumes:
            owner.remove_volume(connection, f"{name}-{volume}")


def _bound(name: str, mounts: Sequence[str]) -> dict[str, object]:
    return {"Binds": [f"{name}-{mount}" for mount in mounts]}


def _made(
    connection: Connection,
    service: Service,
    network: str,
    settings: Mapping[str, object],
    labels: Mapping[str, str],
) -> str:
    log = {"Type": "json-file", "Config": {"max-size": "1m"}}
    own = {"CapAdd": _CAPABILITIES, "ReadonlyRootfs": False, "LogConfig": log}
    raw = connection.raw
    endpoint = raw.create_endpoint_config(aliases=[service.name, *service.aliases])
    made = raw.create_container(
        service.image,
        name=f"{network}-{service.name}",
        hostname=service.name,
        healthcheck=_PROBING,
        host_config={**settings, **own},
        networking_config=raw.create_networking_config({network: endpoint}),
        labels=dict(labels),
        use_config_proxy=False,
    )
    return str(made["Id"])


def _await(connection: Connection, service: Service, ident: str) -> None:
    """Return once a service is ready. Raises `ServiceError` where it will not be."""
    until, fault = time.monotonic() + _READY_S, f"was not ready within {_READY_S} s"
    while time.monotonic() < until:
        state: dict[str, Any] = connection.raw.inspect_container(ident)["State"]
        if not state["Running"]:
            if service.ends and state["ExitCode"] == 0:
                return
            fault = f"ended with {state['ExitCode']}"
            break
        health = state.get("Health") or {"Status": "healthy"}
        if health["Status"] == "healthy" and not service.ends:
            return
        time.sleep(_PAUSE_S)
    said = b""
    with suppress(EngineRefusedError):
        said = connection.raw.logs(ident, tail=20)
    tail = " ".join(said.decode("utf-8", "replace").split())[-300:]
    raise ServiceError(f"the service {service.name} {fault}: {tail or 'it printed nothing'}")
