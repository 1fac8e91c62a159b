"""What `arena scale` predicts beside what a run then takes.

    .venv/bin/python tests/benchmarks/scaling.py [--ray] [CONCURRENCY ...]

Sixteen trials with calls that take no time, eight at once, keep every core busy: that says what CPU
a trial needs. Eight trials one after the other say what else it waits for. From both the simulator
predicts 64 trials (16 tasks x 4, six calls of 0.5 s median and 1.5 s p90, five commands, tests) at
each concurrency, and the same run is made and timed. `--ray` makes it on a cluster of two nodes on
this machine as well. What else runs meanwhile should not change.
"""

import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import job
from job import Stub

from arena.records import RateLimits
from arena.run.simulate import Fleet, simulate, workload_of
from arena.rundir.ledger import TrialBegin, TrialEnd, read

MEDIAN_S, SIGMA = 0.5, 0.857
LEVELS = (4, 16, 32)
CALIBRATION, ATTEMPTS = 8, 4


def answer(request):
    """The scripted answer, after as long as this conversation's turn always takes."""
    draw = random.Random(f"{request.messages[1]} {request.turn}")
    return replace(job.script(request), delay_s=draw.lognormvariate(-0.6931, SIGMA))


def run(folder, name, base_url, *, tasks, attempts, concurrency, flags=()):
    """One run by the command line: seconds from its first trial to the end of its last."""
    (folder / f"{name}.toml").write_text(
        f'name = "{name}"\ntasks = {json.dumps(tasks)}\nattempts = {attempts}\n'
        f"concurrency = {concurrency}\n[sandbox]\nmemory_mb = 256\n"
        f'[[contestant]]\nname = "a"\nbackend = {{ base_url = "{base_url}", model = "m" }}\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "arena", "run", f"{name}.toml", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    events = list(read(folder / "runs" / name / "ledger.jsonl"))
    first = min(event.at for event in events if isinstance(event, TrialBegin))
    last = max(event.record.ended_at for event in events if isinstance(event, TrialEnd))
    return (last - first).total_seconds()


def compare(folder, fast, slow, levels, where, flags):
    whole = ["./bench"]
    busy_s = run(folder, f"busy-{where}", fast, tasks=whole, attempts=1, concurrency=8, flags=flags)
    cpu_s = busy_s * os.cpu_count() / job.TASKS
    few = [f"./bench/add-{number:02d}" for number in range(CALIBRATION)]
    alone_s = run(folder, f"one-{where}", slow, tasks=few, attempts=1, concurrency=1, flags=flags)
    seen = workload_of(folder / "runs" / f"one-{where}")
    work = seen.model_copy(
        update={
            "tasks": job.TASKS,
            "attempts": ATTEMPTS,
            "cpu_s": cpu_s,
            "idle_s": max(0.0, seen.cpu_s - cpu_s),
        }
    )
    print(
        f"{where}: {alone_s / CALIBRATION:.1f} s a trial alone, {cpu_s:.1f} s CPU; "
        f"calls {work.call_s.median:.2f} s median, {work.call_s.p90:.2f} s p90"
    )
    for level in levels:
        memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        fleet = Fleet(
            cores=os.cpu_count(), memory_mb=memory_mb, container_mb=256, concurrency=level
        )
        predicted = simulate(work, fleet, RateLimits())
        took_s = run(
            folder,
            f"{where}-{level}",
            slow,
            tasks=whole,
            attempts=ATTEMPTS,
            concurrency=level,
            flags=flags,
        )
        guess_s = predicted.hours * 3600
        print(
            f"{where:5} {level:11d} {guess_s:11.1f} {took_s:10.1f} {took_s / guess_s:6.2f}  "
            f"{predicted.bottleneck}",
            flush=True,
        )


def main() -> None:
    with_ray = "--ray" in sys.argv
    levels = [int(arg) for arg in sys.argv[1:] if arg != "--ray"] or LEVELS
    print(f"{platform.platform()}, {os.cpu_count()} cores")
    print("where concurrency predicted s measured s  ratio  what decides")
    with tempfile.TemporaryDirectory() as name, Stub(job.script) as fast, Stub(answer) as slow:
        folder = Path(name)
        job.write_pack(folder / "bench")
        (folder / "warm.toml").write_text(
            'name = "warm"\ntasks = ["./bench"]\n[[contestant]]\nname = "nop"\nagent = "nop"\n'
        )
        warm = [sys.executable, "-m", "arena", "run", "warm.toml"]
        subprocess.run(warm, cwd=folder, check=True, capture_output=True)
        endpoints = fast.base_url, slow.base_url
        compare(folder, *endpoints, levels, "local", ())
        if with_ray:
            from ray.cluster_utils import Cluster

            small = {"num_cpus": 1, "object_store_memory": 78_643_200}
            cluster = Cluster(
                initialize_head=True, head_node_args={**small, "include_dashboard": False}
            )
            cluster.add_node(**small)
            try:
                flags = ("--executor", "ray", "--address", cluster.address)
                compare(folder, *endpoints, levels, "ray", flags)
            finally:
                cluster.shutdown()


if __name__ == "__main__":
    main()
