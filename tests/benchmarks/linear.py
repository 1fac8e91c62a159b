"""Whether a trial costs the driver the same at the end of a long run as in a short one.

    .venv/bin/python tests/benchmarks/linear.py [TRIALS ...]          sandboxes in memory
    .venv/bin/python tests/benchmarks/linear.py --engine [TRIALS ...] the real engine

Each line is a run in a process of its own: five scripted calls a trial against an endpoint without
latency in another process, ledger, transcript, diff and grading as always. CPU is that of the
driver and its children (git), memory what it holds when its last trial has ended. The last line
compares the largest run with the smallest.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from arena import config
from arena.backend.pool import Backends
from arena.cli.run import resolve
from arena.grading.verify import ExclusiveLock
from arena.records import ExecResult, SandboxLimits
from arena.run import bakeoff, plan
from arena.run.hosts import Ready, RunTrial
from arena.run.plan import Overrides
from arena.run.trial import TrialRunner
from arena.run.worker import Worker
from arena.rundir.directory import EngineInfo, RunDir, trial_specs
from arena.rundir.ledger import Event, Ledger, TrialEnd
from arena.sandbox.image.store import Image
from arena.task import pack
from tests.benchmarks import job
from tests.memory import MemoryEngine, MemorySandbox
from tests.servers.openai_stub import Stub

CONCURRENCY = 4
CONTESTANTS = 7
SIZES = (112, 10_080)
ENGINE_SIZES = (96, 512)
WINDOW = 56
FIX = "sed -i 's/a - b/a + b/' calc/__init__.py"
RUNNER = (
    'runner = "script"\nfail_to_pass = ["exit"]\npass_to_pass = []\ncommand = ["sh", "check.sh"]\n'
)


def play(sandbox: MemorySandbox, argv: Sequence[str], stdin: bytes) -> ExecResult:
    """The fix takes effect; everything else says a line and succeeds."""
    if any(FIX in word for word in argv):
        path = "/repo/calc/__init__.py"
        file = sandbox.files[path]
        changed = file.data.replace(b"a - b", b"a + b")
        sandbox.files[path] = file.model_copy(update={"data": changed})
    return ExecResult(exit_code=0, stdout=b"a line of output\n" * 20, wall_s=0.0)


class MemoryHost:
    """As `arena.site.LocalHost`, without an engine."""

    def __init__(self, runner: TrialRunner, ready: Ready) -> None:
        self.ready = ready
        self._runner = runner

    def concurrency(self, asked: int, sandbox: SandboxLimits) -> int:
        return asked

    def slot(self) -> AbstractContextManager[RunTrial]:
        return nullcontext(self._runner.run)

    def stop(self) -> None:
        """Nothing runs but threads."""


class Meter:
    """CPU seconds at every `WINDOW` trials."""

    def __init__(self) -> None:
        self.ended = 0
        self.marks = [(cpu_s(), time.monotonic())]

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialEnd):
            assert event.record.verdict == "passed", event.record
            self.ended += 1
            if self.ended % WINDOW == 0:
                self.marks.append((cpu_s(), time.monotonic()))


def cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def resident_mb(pid: int | str = "self") -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def in_memory(folder: Path, base_url: str, trials: int) -> None:
    """One run; its figures as JSON on stdout."""
    made = configuration(folder, base_url, -(-trials // (job.TASKS * CONTESTANTS)), CONTESTANTS)
    _, plan_ = resolve(made, folder, "benchmark", Overrides())
    images = {
        task.id: Image(
            kind="task",
            name=task.id,
            recipe="",
            content=task.digest,
            base="none",
            id=task.id,
            size_bytes=0,
            created_s=0,
        )
        for task in plan_.tasks
    }
    engine = MemoryEngine({task.id: pack.tree_files(task) for task in plan_.tasks}, play)
    info = EngineInfo(version="0", platform="memory", cpus=1, memory_mb=1 << 20)
    ready = Ready(images=images, layers={}, engine=info, lease="")
    rundir = RunDir(folder / f"run-{trials}")
    manifest = plan.manifest_of(plan_, images=images, layers={}, engine=info)
    rundir.write_manifest(manifest)
    meter = Meter()
    specs = [c.backend for c in plan_.contestants if c.backend]
    with Backends(specs, fx=plan_.fx) as backends:
        runner = TrialRunner(engine, backends, images, {}, ExclusiveLock(), None)
        with Ledger(rundir.ledger_path, meter) as ledger:
            host = MemoryHost(runner, ready)
            tasks = {task.id: task for task in plan_.tasks}
            worker = Worker(manifest, rundir, tasks, host, backends, ledger)
            bakeoff.run_trials(worker, lambda: trial_specs(manifest), lambda _: None)
    memory_mb = resident_mb()
    windows = [
        ((after[0] - before[0]) / WINDOW, (after[1] - before[1]) / WINDOW)
        for before, after in zip(meter.marks, meter.marks[1:], strict=False)
    ]
    print(json.dumps({"trials": meter.ended, "windows": windows, "memory_mb": memory_mb}))


def configuration(
    folder: Path, base_url: str, attempts: int, contestants: int = 1
) -> config.BakeoffConfig:
    path = folder / f"b{attempts}.toml"
    path.write_text(
        f'name = "linear"\ntasks = ["./bench"]\nattempts = {attempts}\n'
        f"concurrency = {CONCURRENCY}\nstrict = false\n[sandbox]\nmemory_mb = 256\n"
        + "".join(
            f'[[contestant]]\nname = "c{number}"\n'
            f'backend = {{ base_url = "{base_url}", model = "m", '
            "price = { input = 1.0, output = 2.0 } }\n"
            for number in range(contestants)
        )
    )
    return config.load(path)


def on_engine(folder: Path, base_url: str, trials: int) -> dict[str, object]:
    """One run of the command line, watched from its first trial to its last."""
    attempts = trials // job.TASKS
    configuration(folder, base_url, attempts)
    ledger = folder / f"run-{trials}" / "ledger.jsonl"
    command = [sys.executable, "-m", "arena", "run", f"b{attempts}.toml", "--out", ledger.parent]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    seen = []
    while process.poll() is None:
        tail = ledger.read_bytes()[-4096:] if ledger.exists() else b""
        if tail and b'"session_end"' not in tail:
            with suppress(OSError):  # it ended meanwhile
                seen.append((cpu_of(process.pid), time.monotonic(), resident_mb(process.pid)))
        time.sleep(0.25)
    assert process.returncode == 0
    first, last = seen[0], seen[-1]
    windows = [((last[0] - first[0]) / trials, (last[1] - first[1]) / trials)]
    return {"trials": trials, "windows": windows, "memory_mb": last[2]}


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def write_memory_pack(folder: Path) -> None:
    """The benchmark's tasks, graded by a script that is only played."""
    job.write_pack(folder)
    for task in folder.glob("add-*"):
        head = (task / "task.toml").read_text().partition("runner =")[0]
        (task / "task.toml").write_text(head + RUNNER)
        (task / "tests" / "check.sh").write_text("true\n")


def show(found: dict[str, object]) -> tuple[float, float]:
    """Print a run; its CPU a trial in the last tenth, and its memory."""
    windows = found["windows"]
    cpu = [window[0] for window in windows]
    wall = [window[1] for window in windows]
    last = statistics.median(cpu[-max(1, len(cpu) // 10) :])
    print(
        f"{found['trials']:7d} {1000 * statistics.mean(cpu):13.2f} {1000 * last:19.2f} "
        f"{1000 * statistics.mean(wall):14.2f} {found['memory_mb']:9.1f}",
        flush=True,
    )
    return last, found["memory_mb"]


def main() -> None:
    args = sys.argv[1:]
    if args[:1] == ["--one"]:
        in_memory(Path(args[1]), args[2], int(args[3]))
        return
    real = args[:1] == ["--engine"]
    sizes = [int(arg) for arg in args[real:]] or (ENGINE_SIZES if real else SIZES)
    print(" trials  CPU ms a trial  in the last tenth  wall ms a trial  MB held")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (job.write_pack if real else write_memory_pack)(folder / "bench")
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
        )
        try:
            base_url = server.stdout.readline().strip()
            found = []
            for size in sizes:
                if real:
                    found.append(show(on_engine(folder, base_url, size)))
                    continue
                command = [sys.executable, __file__, "--one", str(folder), base_url, str(size)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found.append(show(json.loads(done.stdout)))
        finally:
            server.kill()
            server.wait()
    (first, small), (last, large) = found[0], found[-1]
    print(f"CPU a trial x {last / first:.3f}, memory x {large / small:.3f}")


def serve() -> None:
    """The endpoint, until it is killed."""
    with Stub(job.script) as stub:
        stub.requests = Forgotten()
        stub.served = Forgotten()
        print(stub.base_url, flush=True)
        stub.closing.wait()


class Forgotten(list):
    """Takes what nobody will look at."""

    def append(self, _: object) -> None:
        """Keep nothing, so that the endpoint does not grow."""


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main()
