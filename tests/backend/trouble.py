"""A worker that makes many calls against trouble and writes each down; killed by its test.

python -m tests.backend.trouble SPEC_JSON LEDGER TRIALS SESSION
"""

import sys
import threading
from pathlib import Path

from arena.backend.call import RetryPolicy
from arena.backend.limiter import AgentClock
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.errors import ProviderError
from arena.money.budget import Budgets
from arena.records import BackendSpec, Budget, Limits, Message
from arena.rundir.ledger import Ledger
from tests.backend.rig import BASH, Notes
from tests.servers.vendor import KEY

LIMITS = Limits(steps=60, output_tokens=300, seconds=300)
PATIENT = RetryPolicy(base_s=0.001, cap_s=0.002, budget_s=60, attempts=30, costly_attempts=30)
THREADS = 8


def converse(pool, spec, log, trial):
    """One trial of sixty turns, the history growing as an agent's does."""
    backend = TrialBackend(
        endpoint=pool.endpoint(spec),
        gate=pool.gate(spec, Budgets(LIMITS, Budget(), {}, {}).open_trial("c"), log),
        owner=CallOwner(trial, 1, "c"),
        limits=LIMITS,
        transcript=Notes(),
        clock=AgentClock(LIMITS.seconds),
    )
    history: list[Message] = [{"role": "user", "content": f"trial {trial}"}]
    while True:
        try:
            reply = backend.complete(history, [BASH])
        except ProviderError:
            return
        if reply.stop is not None:
            return
        history.append(reply.message)
        history += [
            {"role": "tool", "tool_call_id": c.id, "content": "output"} for c in reply.tool_calls
        ]


def run(spec, log, trials):
    """All trials, `THREADS` at a time."""
    left = list(trials)

    def work(pool):
        while left:
            converse(pool, spec, log, left.pop())

    with Backends([spec], fx=(), retry=PATIENT, environ={"STAND_IN_KEY": KEY}) as pool:
        threads = [threading.Thread(target=work, args=(pool,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    _, spec_json, path, count, session = sys.argv
    with Ledger(Path(path)) as ledger:
        names = [f"{session}-{n}" for n in range(int(count))]
        run(BackendSpec.model_validate_json(spec_json), ledger, names)
