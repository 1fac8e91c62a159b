"""Which API of a backend a contestant's agent uses."""

from collections.abc import Sequence

from arena.errors import InputError
from arena.records import Api, BackendSpec


def over(spec: BackendSpec, api: Api) -> BackendSpec:
    """The backend as it is reached over one of its APIs."""
    of_routes = {text for texts in spec.route_caveats.values() for text in texts}
    caveats = [text for text in spec.caveats if text not in of_routes]
    address = spec.endpoints.get(api, spec.base_url)
    told = (*caveats, *spec.route_caveats.get(api, ()))
    return spec.model_copy(update={"api": api, "base_url": address, "caveats": told})


def routed(spec: BackendSpec, speaks: Sequence[Api], *, agent: str) -> BackendSpec:
    """The backend at the first API of the agent's that it offers.

    Args:
        spec: as it was resolved.
        speaks: APIs of the agent, the best first.
        agent: its name, for errors.

    Raises:
        InputError: the backend offers none of them.
    """
    offered = {spec.api, *spec.endpoints}
    if not spec.chat_tools:
        offered.discard("chat")
    for api in speaks:
        if api in offered:
            return over(spec, api)
    has = ", ".join(sorted(offered)) or "none of the three"
    raise InputError(
        f"{agent} speaks {' or '.join(speaks)}, {spec.name} offers {has}",
        remedy="choose another agent or backend, or give the address under `endpoints`",
    )
