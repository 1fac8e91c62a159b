"""Does an endpoint answer as its profile says: a look before a run, one tiny conversation.

Two turns with one tool show in one go whether the key works, the parameters are taken, reasoning
may go back, and usage is told.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path

from arena.backend.call import RetryPolicy
from arena.backend.limiter import AgentClock
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.errors import ArenaError, InputError
from arena.money.budget import TrialBudget
from arena.money.statement import RecordedCall, statements
from arena.records import (
    BackendSpec,
    Budget,
    CallBegin,
    CallEnd,
    FxRate,
    Limits,
    Message,
    Record,
    ToolSpec,
    Usage,
)
from arena.serialize import read_toml, to_toml

ANSWERS_WITHIN_S = 15.0


def check_endpoints(specs: Sequence[BackendSpec]) -> None:
    """Ask each endpoint once for its list of models; any JSON answer, even a refusal, will do.

    Raises `InputError` where nothing listens, or what answers is no API.
    """
    for address, name in {spec.base_url: spec.name for spec in specs}.items():
        where = f"backend {name}, base_url {address}"
        request = urllib.request.Request(  # noqa: S310 - only http and https pass the configuration
            f"{address}/models", headers={"Accept": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_S) as reply:  # noqa: S310
                kind = reply.headers.get_content_type()
        except urllib.error.HTTPError as error:
            kind = error.headers.get_content_type()
        except (OSError, HTTPException, ValueError) as error:  # the last: sent on to no address
            what = f"cannot be reached ({getattr(error, 'reason', None) or error})"
            remedy = "start the server or correct it"
            raise InputError(what, where=where, remedy=remedy) from None
        if kind == "text/html":
            raise InputError(
                "answers with a web page, not an API",
                where=where,
                remedy="give the address that ends before /chat/completions, often in /v1",
            )


LIMITS = Limits(steps=4, seconds=180, output_tokens=2000)
ADD = ToolSpec(
    name="add",
    description="Add two whole numbers.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
ASK: list[Message] = [
    {"role": "system", "content": "Use the tool add for every sum. Then answer with the number."},
    {"role": "user", "content": "What is 2178 + 9304?"},
]
ANSWER = 11482


class LiveCheck(Record):
    """What one endpoint did."""

    backend: str
    provider: str | None
    model: str
    simulated: bool
    ok: bool
    detail: str
    returned_model: str | None = None
    usage: tuple[Usage, ...] = ()
    """Of each call that told it."""
    cost_usd: Decimal | None
    """Billed; None when any call's cost is unknown."""
    wall_s: float


class _Log:
    def __init__(self) -> None:
        self.begun: list[CallBegin] = []
        self.ended: dict[str, CallEnd] = {}

    def begin(self, call: CallBegin) -> None:
        self.begun.append(call)

    def end(self, call: CallEnd) -> None:
        self.ended[call.call_id] = call

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """A transcript that nobody keeps."""


def probe(spec: BackendSpec, *, fx: Sequence[FxRate], environ: Mapping[str, str]) -> LiveCheck:
    """Hold the conversation; spends a few hundred tokens. `InputError` where the key is missing."""
    log, started = _Log(), time.monotonic()
    with Backends([spec], fx=fx, retry=RetryPolicy(budget_s=60), environ=environ) as pool:
        backend = TrialBackend(
            endpoint=pool.endpoint(spec),
            gate=pool.gate(spec, TrialBudget(Budget()), log),
            owner=CallOwner("live", 1, spec.name),
            limits=LIMITS,
            transcript=log,
            clock=AgentClock(LIMITS.seconds),
        )
        try:
            detail = _converse(backend)
        except ArenaError as error:
            detail = str(error)
    ends = list(log.ended.values())
    return LiveCheck(
        backend=spec.name,
        provider=spec.provider,
        model=spec.model,
        simulated=spec.simulated,
        ok=not detail,
        detail=detail or "two turns with a tool, usage told each time",
        returned_model=next((e.returned_model for e in ends if e.returned_model), None),
        usage=tuple(e.usage for e in ends if e.usage is not None),
        cost_usd=_cost(log, spec, fx),
        wall_s=time.monotonic() - started,
    )


def record(results: Sequence[LiveCheck], folder: Path, *, today: date) -> list[Path]:
    """Write what was seen as profiles of the user's own that raise the evidence to `live`.

    What an earlier check saw of other models is kept; a stand-in proves nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    proven = [r for r in results if r.ok and r.provider and not r.simulated]
    seen = {"checked_on": today, "source": "arena backends check --live", "evidence": "live"}
    written = []
    for provider in sorted({str(r.provider) for r in proven}):
        path = folder / f"{provider}.live.toml"
        earlier = read_toml(path).get("models", []) if path.exists() else []
        rows = {row["id"]: row for row in earlier}
        rows |= {r.model: {"id": r.model, **seen} for r in proven if r.provider == provider}
        path.write_text(to_toml({"id": provider, "models": [*rows.values()]}), encoding="utf-8")
        written.append(path)
    return written


def _converse(backend: TrialBackend) -> str:
    """What is not as it should be, in words; empty when all is well."""
    first = backend.complete(ASK, [ADD])
    if first.stop is not None:
        return f"stopped by {first.stop}"
    if not first.tool_calls:
        return f"did not call the tool: {first.text[:80]!r}"
    history = [*ASK, first.message]
    for call in first.tool_calls:
        content = str(ANSWER) if call.name == ADD.name else "unknown tool"
        history.append({"role": "tool", "tool_call_id": call.id, "content": content})
    second = backend.complete(history, [ADD])
    if second.stop is not None:
        return f"stopped by {second.stop}"
    if str(ANSWER) not in second.text.replace(",", "").replace(" ", ""):
        return f"did not answer with the tool's result: {second.text[:80]!r}"
    told = [r.usage is not None and not r.usage.estimated for r in (first, second)]
    return "" if all(told) else "a reply came without usage"


def _cost(log: _Log, spec: BackendSpec, fx: Sequence[FxRate]) -> Decimal | None:
    calls = [RecordedCall(b, log.ended.get(b.call_id)) for b in log.begun]
    costs = [one.billed_usd for one in statements(calls, {spec.name: spec}, fx=fx)]
    return None if None in costs else sum(filter(None, costs), Decimal(0))
