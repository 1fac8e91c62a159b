"""What grading costs beside a plain run of the same tests.

    .venv/bin/python tests/benchmarks/grading.py [PACK] [ROUNDS]

For each task, the least seconds of some rounds: the gold patch applied and the tests run by the
runner alone in a fresh container; the same graded without a second look; and with one. Nothing
else should run meanwhile.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from arena.grading.job import CLEAN_ENV, Bench
from arena.grading.verify import verify
from arena.records import SandboxLimits, Task
from arena.records.container import AGENT_USER, TESTER_USER
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.task import pack
from arena.task.plan_ids import by_place

LIMITS = SandboxLimits()


def command(task: Task) -> tuple[list[str], bytes]:
    """The tests as their own runner runs them, and what it reads."""
    ids = [*task.tests.fail_to_pass, *task.tests.pass_to_pass]
    match task.tests.runner:
        case "pytest":
            return ["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", *ids], b""
        case "node":
            return ["node", "--test", *by_place(ids)], b""
        case "go":
            folders = [f"./{folder}" for folder in by_place(ids)]
            names = "|".join(name.partition(":")[2] for name in ids)
            return ["go", "test", "-count=1", f"-run=^({names})$", *folders], b""
        case _:
            spec = pack.black_box(task)
            asked = "\n".join(str(case.input) for case in spec.cases)
            return list(spec.command), asked.encode()


def plain(engine: DockerEngine, image: str, task: Task) -> None:
    """A plain run of the tests on a fixed tree."""
    root = "/repo/src" if (task.root / "repo" / "src").is_dir() else "/repo"
    env = {**CLEAN_ENV, "PYTHONPATH": root, "GOCACHE": "/tmp/go-build", "CGO_ENABLED": "0"}
    gold = (pack.gold_patch(task) or "").encode()
    argv, stdin = command(task)
    with engine.open(image, limits=LIMITS, labels={}, user=TESTER_USER) as sandbox:
        sandbox.exec(["git", "apply", "-"], timeout_s=60, user=AGENT_USER, env=env, stdin=gold)
        sandbox.put(pack.hidden_files(task))
        result = sandbox.exec(argv, timeout_s=300, user=TESTER_USER, env=env, stdin=stdin)
        if result.exit_code != 0 and task.tests.runner != "blackbox":
            raise SystemExit(f"{task.id}: {result.text[-2000:]}")


def least(rounds: int, run: Callable[[], object]) -> float:
    """The least seconds of some rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.monotonic()
        run()
        seconds.append(time.monotonic() - started)
    return min(seconds)


def main(selection: str = "core", rounds: str = "3") -> None:
    tasks = pack.load(selection, base=Path.cwd())
    print(f"{'task':32} {'plain':>6} {'graded':>6} {'strict':>6}   allowed")
    with DockerEngine() as engine:
        images = Images(engine, pack.tree_files).ensure(tasks)
        for task in tasks:
            image = images[task.id].id
            bench = Bench(engine, image, LIMITS, {})
            gold = pack.gold_patch(task) or ""
            alone = least(int(rounds), lambda: plain(engine, image, task))  # noqa: B023
            graded, strict = (
                least(int(rounds), lambda: verify(task, gold, bench, strict=look))  # noqa: B023
                for look in (False, True)
            )
            allowed = 1.5 * alone + 1
            mark = "" if graded <= allowed else "  over"
            print(f"{task.id:32} {alone:6.2f} {graded:6.2f} {strict:6.2f}   {allowed:.2f}{mark}")


if __name__ == "__main__":
    main(*sys.argv[1:])
