"""Says a proven candidate's statement in other words, with a backend of the user's choice.

Calls go through the metered client of a run: announced in `rewriting.jsonl` before they are sent,
settled after. What a reply gives away of fix or tests makes it worthless: the original is kept.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from arena.backend import catalog
from arena.backend.call import RetryPolicy
from arena.backend.limiter import AgentClock
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.backend.resolve import enforce, resolve
from arena.config import BackendTable, Policy
from arena.errors import InputError, ProviderError
from arena.money import statement as money
from arena.money.budget import Amount, TrialBudget
from arena.money.statement import CallPricing, RecordedCall
from arena.records import BackendSpec, Budget, FxRate, Limits, Message, Record
from arena.rundir.ledger import CallBeginEvent, CallEndEvent, Ledger, read
from arena.serialize import read_record
from arena.task.checking.leaks import text_of
from arena.task.mining.statement import CandidateFix, ProblemStatement, leaks, restated

LEDGER = "rewriting.jsonl"
ORIGINAL = "original.md"
"""Beside a rewritten `problem.md`: what it said before."""
REWRITTEN = "rewritten"

_LIMITS = Limits(steps=100_000, seconds=180.0, output_tokens=3000)
_SHOWN_CHARS = 16_000
_WORDS = 3
_ASK = """\
You turn the notes on a software change into the report that somebody who met the problem would
have written before it was solved. Describe what goes wrong or what is missing, seen from outside,
so exactly that a developer without the change and its tests can do the work: inputs, what comes
out, what should. Never tell how to solve it: no line of the change, no name that only the change
has, no name of a test, no link. Answer with a title on the first line, an empty line, and the
report as plain Markdown. Nothing else.
"""


class Rewriting(Record):
    """What rewriting came to."""

    backend: str
    calls: int
    rewritten: int
    """Statements that were replaced."""
    cost_usd: Decimal | None
    """Billed; None while any call's cost is unknown."""

    @property
    def line(self) -> str:
        """In words."""
        cost = "unknown" if self.cost_usd is None else f"${self.cost_usd:.6f}"
        return f"{self.backend}: {self.rewritten} rewritten, {self.calls} calls, cost {cost}"


def backend_of(name: str, policy: Path | None, *, environ: Mapping[str, str]) -> BackendSpec:
    """A backend that may be sent a repository's code.

    Its name is one of the catalogue, or a TOML file with the table of a configuration; the policy
    is a TOML file with what stands in `[policy]`. Raises `InputError` where that does not allow it.
    """
    ref = read_record(Path(name), BackendTable) if name.endswith(".toml") else name
    if policy is None:
        raise InputError(
            "a repository's code is private, and rewriting sends the fix and its tests",
            where="--rewrite",
            remedy="name a file with --policy that holds countries, residency or allow_training",
        )
    spec = resolve(ref, catalog.load(()), today=datetime.now(UTC).date(), environ=environ)
    enforce(read_record(policy, Policy), [spec])
    return spec


class Rewriter(AbstractContextManager["Rewriter"]):
    """One backend, for as long as mining runs. Safe from several threads.

    All calls that the ledger holds may cost at most `usd`; no limit when None. Raises `InputError`
    where the key is missing, the limit cannot be held without a price, or another backend began to
    rewrite this pack: its calls have other prices.
    """

    def __init__(
        self,
        spec: BackendSpec,
        ledger: Path,
        usd: Decimal | None,
        *,
        fx: Sequence[FxRate],
        environ: Mapping[str, str],
    ) -> None:
        self._spec, self._path, self._fx = spec, ledger, fx
        if usd is not None and not CallPricing(spec, fx).known:
            raise InputError(
                "what rewriting may cost cannot be held: the price is unknown",
                where=f"backend {spec.name}",
                remedy="give it a price, or leave --rewrite-usd out",
            )
        # One budget for all, so that what is asked at the same time shares the limit
        self._budget = TrialBudget(Budget(usd=usd), spent=Amount(self._spent()))
        with ExitStack() as stack:
            retry = RetryPolicy(budget_s=60)
            self._pool = stack.enter_context(Backends([spec], fx=fx, retry=retry, environ=environ))
            self._ledger = stack.enter_context(Ledger(ledger))
            self._open = stack.pop_all()

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def rewrite(
        self, name: str, statement: ProblemStatement, fix: CandidateFix
    ) -> tuple[ProblemStatement, str]:
        """A candidate's new statement, or its old one and why it was kept."""
        backend = TrialBackend(
            endpoint=self._pool.endpoint(self._spec),
            gate=self._pool.gate(self._spec, self._budget, self._ledger),
            owner=CallOwner(name, 1, self._spec.name),
            limits=_LIMITS,
            transcript=_Nowhere(),
            clock=AgentClock(_LIMITS.seconds),
        )
        try:
            reply = backend.complete(_messages(statement, fix), [])
        except ProviderError as error:
            return statement, f"kept: the backend failed: {error}"
        text = reply.text.strip()
        if reply.stop is not None:
            why = f"stopped by {reply.stop}"
        elif reply.truncated or len(text.split()) < _WORDS:
            why = "the reply is cut short or says nothing"
        elif leaked := leaks(text, fix):
            why = f"the reply tells {leaked[0]!r}"
        else:
            return restated(statement, text, fix), REWRITTEN
        return statement, f"kept: {why}"

    def account(self, rewritten: int) -> Rewriting:
        """What all calls came to, those of earlier runs on the same pack included."""
        costs = [one.billed_usd for one in self._statements()]
        return Rewriting(
            backend=self._spec.name,
            calls=len(costs),
            rewritten=rewritten,
            cost_usd=None if None in costs else sum(filter(None, costs), Decimal(0)),
        )

    def _spent(self) -> Decimal:
        """By earlier runs: calls that told no usage count as much as they may have cost."""
        costs = ((one.billed_usd, one.bound_usd or Decimal(0)) for one in self._statements())
        return sum((most if usd is None else usd for usd, most in costs), Decimal(0))

    def _statements(self) -> list[money.CallStatement]:
        events, ours = list(read(self._path)), (_host(self._spec.base_url), self._spec.model)
        begun = [event.call for event in events if isinstance(event, CallBeginEvent)]
        for call in begun:
            if (_host(call.endpoint), call.model) != ours:
                raise InputError(
                    f"{call.model} at {call.endpoint} began to rewrite this pack",
                    where=str(self._path),
                    remedy="go on with that backend, or give another --out",
                )
        ended = {one.call.call_id: one.call for one in events if isinstance(one, CallEndEvent)}
        calls = [RecordedCall(call, ended.get(call.call_id)) for call in begun]
        return money.statements(calls, {call.contestant: self._spec for call in begun}, fx=self._fx)


class _Nowhere:
    """A transcript that nobody keeps: the text ends up in the task."""

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """Take an entry."""


def _host(address: str) -> str | None:
    """A server on this machine may come back on another port."""
    return urlsplit(address).hostname


def _messages(statement: ProblemStatement, fix: CandidateFix) -> list[Message]:
    parts = {
        "Notes": statement.text,
        "Change": fix.gold.encode("utf-8", "replace").decode(),
        "Tests": "\n".join(f"--- {file.path}\n{text_of(file)}" for file in fix.hidden),
    }
    text = "\n\n".join(f"# {name}\n\n{body[:_SHOWN_CHARS]}" for name, body in parts.items())
    return [{"role": "system", "content": _ASK}, {"role": "user", "content": text}]
