"""Seconds and memory that scoring needs: `python -m tests.benchmarks.scoring [trials]`.

The trials (100,000 by default) are made in memory, in three shapes; reading a ledger is not part
of it.
"""

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from arena.score.baseline import baseline_of
from arena.score.compare import compare, country_comparison
from arena.score.gate import gate
from arena.score.leaderboard import leaderboard
from arena.score.pairs import contender
from arena.score.recommend import recommend
from arena.score.results import Results
from tests.score.made import Player, results

SHAPES = ((10, 3), (30, 3), (100, 10))
"""Contestants and attempts."""


def make(trials: int, contestants: int, attempts: int) -> Results:
    """A run of about so many trials."""
    tasks = trials // (contestants * attempts)
    rng = np.random.default_rng(1)
    hard = rng.beta(0.6, 0.4, tasks)
    players = {}
    for i in range(contestants):
        passed = rng.binomial(attempts, hard ** rng.uniform(0.5, 2.0)).astype(float)
        price = float(np.exp(rng.normal(-2, 1.5)))
        costs = np.round(price * rng.lognormal(0, 0.4, tasks), 6)
        players[f"c{i:03}"] = Player(passed, costs, country=("US", "CN")[i % 2])
    return results(players, attempts=attempts)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(run: Results) -> dict[str, float]:
    """Seconds of each kind of scoring."""
    old = baseline_of(run)
    return {
        "board": timed(lambda: leaderboard(run)),
        "compare": timed(lambda: compare(contender(run, "c000"), contender(run, "c001"))),
        "recommend": timed(lambda: recommend(run)),
        "countries": timed(lambda: country_comparison(run)),
        "gate": timed(lambda: gate(run, old)),
    }


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for contestants, attempts in SHAPES:
        run = make(trials, contestants, attempts)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = measure(run)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{len(run.trials)} trials, {contestants} contestants, {attempts} attempts: "
            + ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
            + f"; peak {after:.0f} MiB ({before:.0f} before scoring)"
        )


if __name__ == "__main__":
    main()
