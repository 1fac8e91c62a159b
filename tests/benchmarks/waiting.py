"""Whether threads that wait at the real limiter take as long as the simulator says.

    .venv/bin/python tests/benchmarks/waiting.py

Eighteen trials of five calls on six threads, three calls at once; prints both times. On a machine
that does nothing else they differ by a few percent.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from arena.backend.limiter import Limiter
from arena.records import RateLimits
from arena.run.simulate import Fleet, Spread, Workload, simulate

TRIALS, CALLS, THREADS, AT_ONCE = 18, 5, 6, 3
CALL_S, PAUSE_S = 0.1, 0.02


def always(value: float) -> Spread:
    return Spread(median=value, p90=value)


def measured_s() -> float:
    limiter = Limiter(RateLimits(concurrency=AT_ONCE))

    def trial(_: int) -> None:
        for _ in range(CALLS):
            permit = limiter.acquire(1)
            time.sleep(CALL_S)
            limiter.release(permit, tokens=1)
            time.sleep(PAUSE_S)

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(trial, range(TRIALS)))
    return time.monotonic() - began


def predicted_s() -> float:
    load = Workload(
        tasks=TRIALS,
        backends=1,
        calls=always(CALLS),
        call_s=always(CALL_S),
        cpu_s=0,
        idle_s=PAUSE_S * (CALLS + 2),
    )
    fleet = Fleet(cores=2, memory_mb=8192, container_mb=1024, concurrency=THREADS)
    return simulate(load, fleet, RateLimits(concurrency=AT_ONCE)).hours * 3600


if __name__ == "__main__":
    took_s, said_s = measured_s(), predicted_s()
    print(f"{TRIALS} trials: measured {took_s:.2f} s, predicted {said_s:.2f} s, ", end="")
    print(f"ratio {took_s / said_s:.2f}")
