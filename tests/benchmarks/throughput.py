"""Complete trials a minute: 16 tasks x 2, five tool calls against a zero-latency endpoint, tests.

    .venv/bin/python tests/benchmarks/throughput.py [CONCURRENCY ...]

`arena run` from its start to its page, and beside it the bare script of `bare.py`, which does the
least that such trials need. For each concurrency: trials a minute, seconds of CPU of the whole
machine a trial, the driver's peak memory while trials ran and with the page made at the end. Then
how ours compares with the bare script: as a whole, and from the first trial's start to the last
one's end, since only a run also checks images, scores, and makes a page. Nothing else should run
meanwhile.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import job
from job import Stub

LEVELS = (1, 4, 16, 32)
ATTEMPTS = 2
TRIALS = job.TASKS * ATTEMPTS


class Measured(NamedTuple):
    """One way to run all trials."""

    seconds: float
    cpu_s: float
    """Of the whole machine."""
    running_s: float
    """From the first trial's start to the last one's end."""
    running_cpu_s: float
    running_mb: float
    """Peak of the driver until its last trial ended."""
    peak_mb: float

    @property
    def per_minute(self) -> float:
        return 60 * TRIALS / self.seconds

    def line(self, name: str, concurrency: int) -> str:
        return (
            f"{name:6s} {concurrency:11d} {self.per_minute:11.1f} {self.seconds:8.1f} "
            f"{self.cpu_s / TRIALS:13.2f} {self.running_mb:14.0f} {self.peak_mb:8.0f}"
        )


def machine_cpu_s() -> float:
    """CPU seconds of the whole machine since boot, idle and waiting left out."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    used = [int(value) for index, value in enumerate(fields[:8]) if index not in {3, 4}]
    return sum(used) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, command: list[str], ledger: Path | None = None) -> Measured:
    """Run a command and watch it; with a ledger, tell its memory apart until all trials ended."""
    busy, began = machine_cpu_s(), time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    first = last = (began, busy)
    running = peak = 0.0
    while process.poll() is None:
        now = (time.monotonic(), machine_cpu_s())
        peak = max(peak, high_water_mb(process.pid))
        if ledger is None or count(ledger, "trial_end") < TRIALS:
            running, last = peak, now
        if ledger is not None and not count(ledger, "trial_begin"):
            first = now
        time.sleep(0.05)
    seconds = time.monotonic() - began
    busy = machine_cpu_s() - busy
    if process.returncode:
        raise SystemExit(process.stderr.read() if process.stderr else "")
    return Measured(seconds, busy, last[0] - first[0], last[1] - first[1], running, peak)


def high_water_mb(pid: int) -> float:
    """Most memory a process ever held, as the kernel tells it; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def count(ledger: Path, kind: str) -> int:
    """Events of a kind so far."""
    if not ledger.exists():
        return 0
    return ledger.read_bytes().count(f'"kind":"{kind}"'.encode())


def ours(folder: Path, concurrency: int, base_url: str) -> Measured:
    """One whole run by the command line, images already there."""
    name = f"c{concurrency}"
    (folder / "b.toml").write_text(
        f'name = "{name}"\ntasks = ["./bench"]\nattempts = {ATTEMPTS}\n'
        f"concurrency = {concurrency}\nstrict = false\n"
        "[sandbox]\nmemory_mb = 256\n"
        f'[[contestant]]\nname = "a"\nbackend = {{ base_url = "{base_url}", model = "m" }}\n'
    )
    command = [sys.executable, "-m", "arena", "run", "b.toml"]
    return measure(folder, command, folder / "runs" / name / "ledger.jsonl")


def images(folder: Path) -> list[str]:
    """Build what the pack needs; ids of its images."""
    from arena.sandbox.engine import DockerEngine
    from arena.sandbox.image.images import Images
    from arena.task import pack

    with DockerEngine() as engine:
        made = Images(engine, pack.tree_files).ensure(pack.load("./bench", base=folder))
    return [image.id for image in made.values()]


def main() -> None:
    levels = [int(arg) for arg in sys.argv[1:]] or LEVELS
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("       concurrency  trials/min  seconds  CPU s a trial  MB while running  MB peak")
    bare = str(Path(__file__).with_name("bare.py"))
    with tempfile.TemporaryDirectory() as name, Stub(job.script) as stub:
        folder = Path(name)
        job.write_pack(folder / "bench")
        made = images(folder)
        for level in levels:
            one = ours(folder, level, stub.base_url)
            print(one.line("arena", level), flush=True)
            other = measure(folder, [sys.executable, bare, stub.base_url, str(level), *made])
            print(other.line("bare", level), flush=True)
            print(
                f"arena / bare: {other.seconds / one.seconds:.0%} of the trials a minute, "
                f"{one.cpu_s / other.cpu_s:.2f} times the CPU; trials alone: "
                f"{other.running_s / one.running_s:.0%}, "
                f"{one.running_cpu_s / other.running_cpu_s:.2f} times",
                flush=True,
            )


if __name__ == "__main__":
    main()
