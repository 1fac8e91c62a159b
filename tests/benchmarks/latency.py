"""How busy many slow conversations at once keep an endpoint.

    .venv/bin/python tests/benchmarks/latency.py [CONCURRENCY [ATTEMPTS [CALLS]]]

Every call takes 1 to 20 s, most of them about 5 (a log-normal with a long tail). From the moment
when as many trials as may run have made their first call until the last trial makes its own, the
mean of the calls in flight is compared with the concurrency: what is missing is the time that
trials spend in commands, in grading, in starting, and in waiting for the machine. Trials of one
task take 20 s a call throughout: the others must not wait for them.
"""

import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import job
from job import Stub
from throughput import images

from tests.servers.openai_stub import Answer, Request, call

MEDIAN_S, SIGMA, LEAST_S, MOST_S = 5.0, 0.6, 1.0, 20.0
STRAGGLER = "(0)"
"""In the statement of the task whose every call takes longest."""


class SlowEndpoint:
    """Answers after a while and remembers when."""

    def __init__(self, calls: int) -> None:
        self.spans: list[tuple[float, float]] = []
        self.first: list[float] = []
        """When each conversation began."""
        self._calls = calls
        self._dice = random.Random(20)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            drawn = self._dice.lognormvariate(0, SIGMA) * MEDIAN_S
            slow = STRAGGLER in str(request.messages[:2])
            delay_s = MOST_S if slow else min(max(drawn, LEAST_S), MOST_S)
            now = time.monotonic()
            self.spans.append((now, now + delay_s))
            if request.turn == 0:
                self.first.append(now)
        last = request.turn >= self._calls - 1
        command = job.COMMANDS[request.turn % len(job.COMMANDS)]
        answer = call("submit") if last else call("bash", command=command)
        return Answer(message=answer.message, finish_reason="tool_calls", delay_s=delay_s)

    def in_flight(self, begin: float, end: float) -> float:
        """Mean of the calls in flight in a stretch of time."""
        inside = (min(b, end) - max(a, begin) for a, b in self.spans)
        return sum(seconds for seconds in inside if seconds > 0) / (end - begin)


def main() -> None:
    concurrency, attempts, calls = (
        int(given) if given else usual
        for given, usual in zip([*sys.argv[1:], "", "", ""], (64, 12, 15), strict=False)
    )
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    endpoint = SlowEndpoint(calls)
    with tempfile.TemporaryDirectory() as name, Stub(endpoint) as stub:
        folder = Path(name)
        job.write_pack(folder / "bench")
        images(folder)
        (folder / "b.toml").write_text(
            f'name = "slow"\ntasks = ["./bench"]\nattempts = {attempts}\n'
            f"concurrency = {concurrency}\nstrict = false\n"
            "[sandbox]\nmemory_mb = 256\n[[contestant]]\n"
            f'name = "a"\nbackend = {{ base_url = "{stub.base_url}", model = "m" }}\n'
        )
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "arena", "run", "b.toml"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.monotonic() - began
    first = sorted(endpoint.first)
    busy = endpoint.in_flight(first[concurrency - 1], first[-1])
    trials = attempts * job.TASKS
    total = sum(b - a for a, b in endpoint.spans)
    print(
        f"{trials} trials of {calls} calls, {total / len(endpoint.spans):.1f} s a call on average"
    )
    print(f"{concurrency} at once: {busy:.1f} calls in flight, {busy / concurrency:.1%} busy")
    print(f"{seconds:.0f} s in all")


if __name__ == "__main__":
    main()
