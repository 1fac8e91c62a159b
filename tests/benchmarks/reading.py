"""Resuming, reading and reporting on 100,000 trials of ten calls: seconds and memory.

    .venv/bin/python tests/benchmarks/reading.py [TASKS CONTESTANTS ATTEMPTS]

Each figure is a process of its own, its imports counted in CPU and memory. Without an index one
is made, segment by segment as a run makes it while the ledger grows; the last megabyte or less is
left to the ledger, as after a kill. The ledger takes about 0.9 GB of the temporary folder, the
pages of single trials 2 GB.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.benchmarks import ledgers

RESUME = """
import resource, sys, time
from pathlib import Path
from arena.rundir.directory import RunDir
from arena.score.load import resume_state
began = time.monotonic()
rundir = RunDir(Path(sys.argv[1]))
found = resume_state(rundir, rundir.read_manifest())
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{time.monotonic() - began:.1f} s, CPU {time.process_time():.1f} s, peak {peak_mb:.0f} MB, "
      f"{len(found.done)} done")
"""
PAGE = """
import sys
from pathlib import Path
from arena.report.site import render
from arena.report.scored import score
from arena.score.load import load
Path(sys.argv[1], "index.html").write_text(render(score(load(Path(sys.argv[1])))))
"""


def main() -> None:
    tasks, contestants, attempts = map(int, sys.argv[1:] or (1000, 20, 5))
    with tempfile.TemporaryDirectory() as name:
        run = Path(name)
        trials = ledgers.write(run, ledgers.manifest(tasks, contestants, attempts))
        size_mb = (run / "ledger.jsonl").stat().st_size >> 20
        print(f"{trials} trials, ledger of {size_mb} MB", flush=True)
        for what in ("resume without an index", "resume with the index"):
            print(what, end=": ", flush=True)
            subprocess.run([sys.executable, "-c", RESUME, str(run)], cwd=ROOT, check=True)
        arena = (sys.executable, "-m", "arena")
        timed("arena report", *arena, "report", name)
        timed("arena report --format json", *arena, "report", name, "--format", "json")
        timed("arena compare", *arena, "compare", name, "c0", "c1")
        timed("its page alone", sys.executable, "-c", PAGE, name)
        print(f"the page has {(run / 'index.html').stat().st_size / 1e6:.1f} MB", flush=True)
        timed("arena report --format html", *arena, "report", name, "--format", "html")
        pages = [path.stat().st_size for path in (run / "report" / "trials").glob("*.html")]
        print(f"{len(pages)} pages of trials, {sum(pages) >> 20} MB")


def timed(what: str, *command: str) -> None:
    """Run a command and print what it took; memory is that of its largest process."""
    print(what, end=": ", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"exit status {os.waitstatus_to_exitcode(status)}")
    print(
        f"{time.monotonic() - began:.1f} s, CPU {used.ru_utime + used.ru_stime:.1f} s,"
        f" peak {used.ru_maxrss >> 10} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
