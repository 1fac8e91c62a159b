"""A metered backend against a stub, with everything it wrote down at hand."""

from contextlib import contextmanager

from arena.backend.call import RetryPolicy
from arena.backend.limiter import AgentClock
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.money.budget import Budgets
from arena.money.prices import SHIPPED_FX
from arena.money.statement import RecordedCall, statements
from arena.records import BackendSpec, Budget, Limits, PriceRow, PriceTier, ToolSpec
from tests.servers.openai_stub import Stub

BASH = ToolSpec(
    name="bash",
    description="Run a command.",
    parameters={"type": "object", "properties": {"command": {"type": "string"}}},
)
ASK = [{"role": "system", "content": "You fix code."}, {"role": "user", "content": "Fix it."}]
PRICE = PriceRow(tiers=(PriceTier(input="1", cached_input="0.1", output="4"),))
QUICK = RetryPolicy(base_s=0.01, cap_s=0.02, budget_s=5)


class Book:
    """A call log in memory."""

    def __init__(self):
        self.begun, self.ended = [], {}

    def begin(self, call):
        self.begun.append(call)

    def end(self, call):
        assert call.call_id not in self.ended
        self.ended[call.call_id] = call

    @property
    def ends(self):
        return [self.ended[b.call_id] for b in self.begun if b.call_id in self.ended]

    @property
    def outcomes(self):
        return [e.outcome for e in self.ends]

    def calls(self):
        return [RecordedCall(b, self.ended.get(b.call_id)) for b in self.begun]

    def statements(self, spec):
        specs = {b.contestant: spec for b in self.begun}
        return statements(self.calls(), specs, fx=SHIPPED_FX)


class Notes:
    """A transcript in memory."""

    def __init__(self):
        self.entries = []

    def add(self, kind, record):
        self.entries.append((kind, dict(record)))


class Rig:
    """One pool and as many trials as a test wants."""

    def __init__(
        self, stub, *, spec=None, limits=None, retry=QUICK, budget=None, environ=None, **of
    ):
        settings = {"name": "s/m", "model": "m", "base_url": stub.base_url, "prices": (PRICE,)}
        self.spec = spec or BackendSpec(**{**settings, **of})
        self.limits = limits or Limits(output_tokens=100)
        self.budgets = Budgets(self.limits, budget or Budget(), {}, {})
        self.pool = Backends([self.spec], fx=SHIPPED_FX, retry=retry, environ=environ or {})
        self.book, self.notes = Book(), Notes()

    def trial(self, name="t1", contestant="c", *, budget=None):
        self.clock = AgentClock(self.limits.seconds)
        budget = budget or self.budgets.open_trial(contestant)
        return TrialBackend(
            endpoint=self.pool.endpoint(self.spec),
            gate=self.pool.gate(self.spec, budget, self.book),
            owner=CallOwner(name, 1, contestant),
            limits=self.limits,
            transcript=self.notes,
            clock=self.clock,
        )


@contextmanager
def rig(script, **how):
    """A started stub and a rig on it."""
    with Stub(script) as stub:
        made = Rig(stub, **how)
        with made.pool:
            yield stub, made
