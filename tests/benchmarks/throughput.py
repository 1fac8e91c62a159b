"""Complete trials a minute: 16 tasks x 2, five tool calls against a zero-latency endpoint, tests.

    .venv/bin/python tests/benchmarks/throughput.py [CONCURRENCY ...]

Prints, for each concurrency, trials a minute, CPU seconds and peak memory of the driver, and
seconds of CPU of the whole machine a trial. Nothing else should run meanwhile.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import job
from job import Stub

LEVELS = (1, 4, 16)
ATTEMPTS = 2


def machine_cpu_s() -> float:
    """CPU seconds of the whole machine since boot, idle and waiting left out."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    used = [int(value) for index, value in enumerate(fields[:8]) if index not in {3, 4}]
    return sum(used) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, concurrency: int, base_url: str) -> str:
    """One whole run by the command line, images already there."""
    (folder / "b.toml").write_text(
        f'name = "c{concurrency}"\ntasks = ["./bench"]\nattempts = {ATTEMPTS}\n'
        f"concurrency = {concurrency}\nstrict = false\n"
        "[sandbox]\nmemory_mb = 256\n"
        f'[[contestant]]\nname = "a"\nbackend = {{ base_url = "{base_url}", model = "m" }}\n'
    )
    busy, began = machine_cpu_s(), time.monotonic()
    command = [sys.executable, "-m", "arena", "run", "b.toml"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    _, errors = process.communicate()
    seconds = time.monotonic() - began
    busy = machine_cpu_s() - busy
    if process.returncode:
        raise SystemExit(errors)
    trials = job.TASKS * ATTEMPTS
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return (
        f"{concurrency:11d} {60 * trials / seconds:11.1f} {seconds:8.1f} "
        f"{busy / trials:13.2f} {peak_mb:9.0f}"
    )


def main() -> None:
    levels = [int(arg) for arg in sys.argv[1:]] or LEVELS
    print(f"{platform.platform()}, {os.cpu_count()} cores")
    print("concurrency  trials/min  seconds  CPU s a trial  peak MB")
    with tempfile.TemporaryDirectory() as name, Stub(job.script) as stub:
        folder = Path(name)
        job.write_pack(folder / "bench")
        (folder / "warm.toml").write_text(
            'name = "warm"\ntasks = ["./bench"]\n[[contestant]]\nname = "nop"\nagent = "nop"\n'
        )
        warm = [sys.executable, "-m", "arena", "run", "warm.toml"]
        subprocess.run(warm, cwd=folder, check=True, capture_output=True)
        for concurrency in levels:
            print(measure(folder, concurrency, stub.base_url), flush=True)


if __name__ == "__main__":
    main()
