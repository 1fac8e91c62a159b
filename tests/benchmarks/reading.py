"""Reading and scoring 100,000 trials of ten calls: seconds and memory, without and with the index.

    .venv/bin/python tests/benchmarks/reading.py [TASKS CONTESTANTS ATTEMPTS]

Each figure is a process of its own. The ledger takes about 0.9 GB of the temporary folder.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.benchmarks import ledgers  # noqa: E402

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
        for index in ("without an index", "with the index"):
            print(index, end=": ", flush=True)
            subprocess.run([sys.executable, "-c", ONCE, str(run)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
