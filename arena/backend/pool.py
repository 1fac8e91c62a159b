"""The endpoints of one run: whether they answer, their keys, a client and a limiter for each."""

import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from http.client import HTTPException
from urllib.parse import urlsplit

from arena.backend import apis
from arena.backend.call import RetryPolicy
from arena.backend.limiter import CallLog, Limiter, LocalRequestGate
from arena.backend.meter import Endpoint
from arena.errors import InputError
from arena.money.budget import TrialBudget
from arena.records import BackendSpec, FxRate, RateLimits
from arena.records.base import is_local

ANSWERS_WITHIN_S = 15.0


class Backends(AbstractContextManager["Backends"]):
    """Endpoints shared by all trials and threads of a run; use as a context manager."""

    def __init__(
        self,
        specs: Sequence[BackendSpec],
        *,
        fx: Sequence[FxRate],
        retry: RetryPolicy | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Open endpoints, sending nothing; `InputError` where the variable of a key is empty."""
        from arena.backend.client import EndpointClient  # loads `openai`: only where calls are made

        self._retry = retry or RetryPolicy()
        self._fx = tuple(fx)
        keys = {spec.api_key_env: _key(spec, environ) for spec in specs}
        self._clients = {
            (spec.base_url, spec.api_key_env): EndpointClient(spec.base_url, keys[spec.api_key_env])
            for spec in specs
        }
        rates: dict[tuple[str, str | None], list[RateLimits]] = {}
        for spec in specs:
            rates.setdefault(_account(spec), []).append(spec.rate)
        self._limiters = {account: Limiter(_strictest(found)) for account, found in rates.items()}

    def gate(self, spec: BackendSpec, budget: TrialBudget, log: CallLog) -> LocalRequestGate:
        """Where the calls of one trial are allowed and accounted for."""
        return LocalRequestGate(budget, self._limiters[_account(spec)], log)

    def endpoint(self, spec: BackendSpec) -> Endpoint:
        """A backend as the run reaches it; it must be one of those the pool was made with."""
        client = self._clients[spec.base_url, spec.api_key_env]
        return Endpoint(spec, client, self._retry, self._fx)

    def close(self) -> None:
        """Turn waiting trials away and drop all connections."""
        for limiter in self._limiters.values():
            limiter.close()
        for client in self._clients.values():
            client.close()

    def __exit__(self, *ended: object) -> None:
        self.close()


def check_endpoints(specs: Sequence[BackendSpec]) -> None:
    """Ask each endpoint for its list of models; any answer but a web page will do, a refusal too.

    Some servers have no such list, and a page that says so: those are asked for nothing, at the
    path of calls. Raises `InputError` where nothing listens, or what answers is no API.
    """
    for address, spec in {spec.base_url: spec for spec in specs}.items():
        where = f"backend {spec.name}, base_url {address}"
        calls = f"{address}{apis.DIALECTS[spec.api].REQUEST.path}"
        try:
            is_site = _is_page(f"{address}/models", None) and _is_page(calls, b"{}")
        except (OSError, HTTPException, ValueError) as error:  # the last: sent on to no address
            what = f"cannot be reached ({getattr(error, 'reason', None) or error})"
            remedy = "start the server or correct it"
            raise InputError(what, where=where, remedy=remedy) from None
        if is_site:
            raise InputError(
                "answers with a web page, not an API",
                where=where,
                remedy="give the address that ends before /chat/completions, often in /v1",
            )


def _is_page(url: str, body: bytes | None) -> bool:
    """Whether a web page is what an address answers with; a body is posted."""
    kinds = {"Accept": "application/json", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, kinds)  # noqa: S310 - of http or https (`Address`)
    # As calls go: a proxy for the world is none for this machine.
    proxies = [urllib.request.ProxyHandler({})] if is_local(url) else []
    try:
        answer = urllib.request.build_opener(*proxies).open(request, timeout=ANSWERS_WITHIN_S)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return bool(answer.headers.get_content_type() == "text/html")


def missing_keys(specs: Sequence[BackendSpec], environ: Mapping[str, str]) -> list[str]:
    """Environment variables that hold no key, each once, in order."""
    names = dict.fromkeys(spec.api_key_env for spec in specs if spec.api_key_env)
    return [name for name in names if not environ.get(name, "").strip()]


def _key(spec: BackendSpec, environ: Mapping[str, str]) -> str | None:
    if spec.api_key_env is None:
        return None
    if missing := missing_keys([spec], environ):
        raise InputError(
            f"the environment variable {missing[0]} is not set",
            where=f"backend {spec.name}",
            remedy=f"export {missing[0]} with the key for {spec.base_url}",
        )
    key = environ[spec.api_key_env].strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            f"what {spec.api_key_env} holds cannot be a key",
            where=f"backend {spec.name}",
            remedy="it has blanks or letters that no header can carry; copy the key again",
        )
    return key


def _account(spec: BackendSpec) -> tuple[str, str | None]:
    """Whose rate limits a call counts against."""
    return spec.provider or urlsplit(spec.base_url).netloc, spec.api_key_env


def _strictest(rates: Sequence[RateLimits]) -> RateLimits:
    least = {
        name: min((limit for one in rates if (limit := getattr(one, name))), default=None)
        for name in RateLimits.model_fields
    }
    return RateLimits.model_validate(least)
