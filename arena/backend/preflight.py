"""Before a run: is there an API at every address? Costs nothing, since it only lists models."""

import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException

from arena.errors import InputError
from arena.records import BackendSpec

TIMEOUT_S = 15.0


def check(specs: Sequence[BackendSpec]) -> None:
    """Ask each endpoint once for its list of models; any JSON answer, even a refusal, will do.

    Raises:
        InputError: nothing listens there, or what answers is no API.
    """
    for address, name in {spec.base_url: spec.name for spec in specs}.items():
        _check_one(address, name)


def _check_one(address: str, name: str) -> None:
    where = f"backend {name}, base_url {address}"
    request = urllib.request.Request(  # noqa: S310 - only http and https pass the configuration
        f"{address}/models", headers={"Accept": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            kind = reply.headers.get_content_type()
    except urllib.error.HTTPError as error:
        kind = error.headers.get_content_type()
    except (OSError, HTTPException, ValueError) as error:  # the last: sent on to no address
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"cannot be reached ({reason})", where=where, remedy="start the server or correct it"
        ) from None
    if kind == "text/html":
        raise InputError(
            "answers with a web page, not an API",
            where=where,
            remedy="give the address that ends before /chat/completions, often in /v1",
        )
