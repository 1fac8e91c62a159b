"""Resuming, reading and scoring 100,000 trials of ten calls: seconds and memory.

    .venv/bin/python tests/benchmarks/reading.py [TASKS CONTESTANTS ATTEMPTS]

Each figure is a process of its own, its imports counted in CPU and memory. Without an index one
is made, segment by segment as a run makes it while the ledger grows; the last megabyte or less is
left to the ledger, as after a kill. The ledger takes about 0.9 GB of the temporary folder.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.benchmarks import ledgers  # noqa: E402

RESUME = """
import resource, sys, time
from pathlib import Path
from arena.rundir import RunDir
from arena.score.standing import standing
began = time.monotonic()
rundir = RunDir(Path(sys.argv[1]))
found = standing(rundir, rundir.read_manifest())
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{time.monotonic() - began:.1f} s, CPU {time.process_time():.1f} s, peak {peak_mb:.0f} MB, "
      f"{len(found.done)} done")
"""
ONCE = """
import resource, sys, time
from pathlib import Path
from arena.score.board import board
from arena.score.load import load
began = time.monotonic()
results = load(Path(sys.argv[1]))
read = time.monotonic()
board(results)
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"read {read - began:.1f} s, scored {time.monotonic() - read:.1f} s, "
      f"CPU {time.process_time():.1f} s, peak {peak_mb:.0f} MB")
"""


def main() -> None:
    tasks, contestants, attempts = map(int, sys.argv[1:] or (1000, 20, 5))
    with tempfile.TemporaryDirectory() as name:
        run = Path(name)
        trials = ledgers.write(run, ledgers.manifest(tasks, contestants, attempts))
        size_mb = (run / "ledger.jsonl").stat().st_size >> 20
        print(f"{trials} trials, ledger of {size_mb} MB", flush=True)
        for what, code in (
            ("resume without an index", RESUME),
            ("resume with the index", RESUME),
            ("read with the index", ONCE),
        ):
            print(what, end=": ", flush=True)
            subprocess.run([sys.executable, "-c", code, str(run)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
