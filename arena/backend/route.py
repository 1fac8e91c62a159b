"""Which API of a backend a contestant's agent uses."""

from collections.abc import Sequence

from arena.errors import InputError
from arena.records import Api, BackendSpec


def routed(spec: BackendSpec, speaks: Sequence[Api], *, agent: str, where: str) -> BackendSpec:
    """The backend at the first API of the agent's that it offers.

    Args:
        spec: as it was resolved.
        speaks: APIs of the agent, the best first.
        agent: its name, for errors.
        where: the contestant, for errors.

    Raises:
        InputError: the backend offers none of them.
    """
    offered = {spec.api: spec.base_url, **spec.endpoints}
    if not spec.chat_tools:
        offered.pop("chat", None)
    for api in speaks:
        if api in offered:
            return spec.model_copy(update={"api": api, "base_url": offered[api]})
    has = ", ".join(offered) or "neither"
    raise InputError(
        f"{agent} speaks {' or '.join(speaks)}, {spec.name} offers {has}",
        where=where,
        remedy="choose another agent or backend, or give the address under `endpoints`",
    )
