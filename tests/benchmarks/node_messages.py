"""What a run's own process takes for the calls of trials on other machines.

    .venv/bin/python tests/benchmarks/node_messages.py [THREADS ...]

Threads on a node of a local Ray cluster announce and settle calls as fast as they can; each call is
two round trips, and its announcement is on the disk before the first one returns. Prints calls a
second, the median wait of an announcement, and CPU seconds of the run's process a thousand calls.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from ray.cluster_utils import Cluster

from arena.backend.limiter import Limiter, LocalRequestGate
from arena.money.budget import Amount, Budgets
from arena.records import Budget, CallBegin, CallEnd, Limits, RateLimits, Usage
from arena.run import ray
from arena.run.node import RemoteRequestGates
from arena.rundir.ledger import Ledger

LEVELS = (1, 16, 64)
CALLS = 50
SMALL = {"num_cpus": 1, "object_store_memory": 78_643_200, "include_dashboard": False}


class Caller:
    """On the node: conversations that never wait for a model."""

    def __init__(self, ask):
        self._ask = ask

    def converse(self, threads, calls):
        with ThreadPoolExecutor(threads) as pool:
            return [
                s for waits in pool.map(lambda _: self._one(calls), range(threads)) for s in waits
            ]

    def _one(self, calls):
        waits = []
        for number in range(calls):
            ident = f"{os.urandom(8).hex()}-{number}"
            now = datetime.now(UTC)
            begin = CallBegin(
                call_id=ident,
                trial_id="trial",
                contestant="c",
                endpoint="http://e/v1",
                model="m",
                step=1,
                attempt=1,
                started_at=now,
                prompt_estimate=8000,
                prompt_bound=40000,
                output_limit=16000,
            )
            end = CallEnd(
                call_id=ident,
                trial_id="trial",
                outcome="ok",
                requested_model="m",
                usage=Usage(input_fresh=8000, output=500),
                wall_s=1.0,
                ended_at=now,
            )
            began = time.monotonic()
            self._ask("gate", "owner", "announce", begin, Amount())
            waits.append(time.monotonic() - began)
            self._ask("gate", "owner", "settle", end, Amount(), None)
        return waits


def main():
    levels = [int(arg) for arg in sys.argv[1:]] or LEVELS
    out = sys.stdout  # a connection to a cluster takes the name for itself
    print(f"{platform.platform()}, {os.cpu_count()} cores")
    print("threads  calls/s  announcement ms  CPU s a 1000 calls")
    cluster = Cluster(initialize_head=True, head_node_args=SMALL)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            ray.connect(cluster.address) as made,
            Ledger(Path(folder) / "ledger.jsonl") as ledger,
        ):
            board = RemoteRequestGates(print)
            budget = Budgets(Limits(), Budget(), {}, {}).open_trial("c")
            board.admit("owner", LocalRequestGate(budget, Limiter(RateLimits()), ledger))
            made.listen(board)
            caller = made.start(made.nodes()[0], Caller, 4)
            caller.call("converse", 1, 1)
            for threads in levels:
                used, began = time.process_time(), time.monotonic()
                waits = caller.call("converse", threads, CALLS)
                took_s = time.monotonic() - began
                cpu_s = (time.process_time() - used) / len(waits) * 1000
                print(
                    f"{threads:7d} {len(waits) / took_s:8.0f} "
                    f"{statistics.median(waits) * 1000:16.1f} {cpu_s:19.1f}",
                    file=out,
                    flush=True,
                )
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
