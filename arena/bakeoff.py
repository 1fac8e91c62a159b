"""The run: lock, images, manifest, trials, and a ledger that survives whatever happens."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from arena import plan
from arena.backend import policy, preflight
from arena.backend.pool import Backends
from arena.errors import InputError, located
from arena.executor.local import LocalExecutor
from arena.journal import Journal, Listener
from arena.ledger import Ledger, SessionBegin, SessionEnd
from arena.matrix import trial_specs
from arena.money.budget import Amount, Budgets
from arena.money.prices import DEFAULT_FX
from arena.plan import Plan
from arena.quiet import Quiet
from arena.records import TrialSpec
from arena.rundir import Manifest, RunDir
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image import Images, Progress, TaskImage, Tell
from arena.sandbox.layer import AgentLayer, Layers
from arena.score.load import load
from arena.score.results import Results
from arena.task import pack
from arena.trial import Services
from arena.worker import Work, Worker

if TYPE_CHECKING:
    from arena.backend.gateway.server import Gateway

Say = Callable[[str], None]
MEMORY_SHARE = 0.8
"""Of the host's memory that running containers may be allowed together."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    results: Results
    without_verdict: int
    """Planned trials that have no verdict: faults, stopped contestants, spent budgets."""


def run(plan_: Plan, out: Path, *, say: Say, listener: Listener | None = None) -> Outcome:
    """Run or resume a bake-off.

    Args:
        plan_: what to run.
        out: the run directory; an earlier run there is continued.
        say: told in one line each what is being done.
        listener: given every event after it is on disk.

    Raises:
        InputError: the endpoint, key, engine or earlier run does not fit; nothing was started.
        EngineError: the engine broke while images were made.
        KeyboardInterrupt: after everything running was ended and removed.
    """
    rundir = RunDir(out)
    specs = [c.backend for c in plan_.contestants if c.backend is not None]
    private = [task.id for task in plan_.tasks if task.private]
    config = plan_.config
    with located(plan_.where):
        policy.enforce(config.policy, specs, private=private)
        own = {c.name: c.budget for c in config.contestant if c.budget}
        Budgets(config.limits, config.budget, own)
        pool = Backends(specs)
    earlier = rundir.read_manifest() if rundir.manifest_path.exists() else None
    with pool as backends, rundir.lock():
        with located(plan_.where):
            preflight.check(specs)
        with DockerEngine.answering() as engine:
            if gone := engine.reap():
                say(f"removed {len(gone)} containers that dead runs had left")
            store = Images(engine, pack.tree_files)
            images = store.ensure(plan_.tasks, _telling(say))
            layers = _layers(plan_, engine, store, say)
            made = plan.manifest_of(
                plan_,
                images=images,
                layers={name: layer.content for name, layer in layers.items()},
                engine=engine.info(),
                fx=DEFAULT_FX,
            )
            manifest = made if earlier is None else plan.continued(earlier, made, where=str(out))
            rundir.write_manifest(manifest)
            with Ledger(rundir.ledger_path) as ledger, _gateway(plan_) as gateway:
                journal = Journal(ledger, listener)
                services = Services(engine, backends, journal, Quiet(), gateway)
                held = {name: layer.id for name, layer in layers.items()}
                _run_trials(plan_, manifest, images, held, rundir, engine, services, journal, say)
    results = load(out)
    missing = sum(row.verdict is None for row in results.trials)
    return Outcome(results, missing)


def _layers(plan_: Plan, engine: DockerEngine, images: Images, say: Say) -> dict[str, AgentLayer]:
    """The programs of outside agents, installed where they are missing."""
    if not plan_.programs:
        return {}
    base = images.ensure_base(_telling(say))
    layers = Layers(engine.connection)
    return {
        name: layers.ensure(name, program.install, base, _named(name, say))
        for name, program in plan_.programs.items()
    }


def _named(name: str, say: Say) -> Say:
    return lambda line: say(f"{name}: {line}")


@contextmanager
def _gateway(plan_: Plan) -> "Iterator[Gateway | None]":
    """The gateway, where an outside agent needs one."""
    if not plan_.programs:
        yield None
        return
    try:
        from arena.backend.gateway.server import Gateway  # a web server: not for every run
    except ModuleNotFoundError as error:
        names = ", ".join(plan_.programs)
        raise InputError(
            f"{names} needs the gateway's server ({error.name} is missing)",
            where="agent",
            remedy="pip install 'arena-bakeoff[gateway]'",
        ) from None

    with Gateway() as gateway:
        yield gateway


def _telling(say: Say) -> Tell:
    """Image building as lines: what starts and how long it took, not what builders print."""

    def tell(progress: Progress) -> None:
        if progress.state == "started":
            say(f"making {progress.kind} image {progress.name} …")
        elif progress.state == "done":
            say(f"made {progress.kind} image {progress.name} in {progress.seconds:.0f} s")

    return tell


def _run_trials(
    plan_: Plan,
    manifest: Manifest,
    images: Mapping[str, TaskImage],
    layers: Mapping[str, str],
    rundir: RunDir,
    engine: DockerEngine,
    services: Services,
    journal: Journal,
    say: Say,
) -> None:
    before = load(rundir.path)
    wanted = {c.name for c in plan_.contestants}, {t.id for t in plan_.tasks}
    done = {row.id for row in before.trials if row.verdict is not None}
    session = secrets.token_hex(4)
    worker = Worker(
        Work(
            manifest=manifest,
            rundir=rundir,
            tasks={t.id: t for t in plan_.tasks},
            images=images,
            services=services,
            budgets=_budgets(manifest, before),
            journal=journal,
            earlier_tries={row.id: row.tries for row in before.trials},
            labels={"arena.run": manifest.run_id},
            layers=layers,
        )
    )

    def todo() -> Iterator[TrialSpec]:
        for spec in trial_specs(manifest):
            if spec.id in done or spec.contestant not in wanted[0] or spec.task_id not in wanted[1]:
                continue
            if spec.attempt <= plan_.config.attempts and not worker.is_stopped(spec.contestant):
                yield spec

    if done:
        say(f"resuming: {len(done)} trials are done and are kept")
    concurrency = _fitting(manifest, plan_.config.concurrency, say)
    journal.append(SessionBegin(session=session, at=datetime.now(UTC)))
    reason = "interrupted"
    try:
        for _ in LocalExecutor(concurrency).run(worker, todo()):
            pass
        reason = "completed"
    finally:
        # What still runs ends because its container and its connection are gone.
        worker.cancelled.set()
        if reason != "completed":
            services.backends.close()
            engine.close()
        journal.append(SessionEnd(session=session, reason=reason, at=datetime.now(UTC)))


def _budgets(manifest: Manifest, before: Results) -> Budgets:
    """The budgets less what earlier sessions spent; possibly billed calls count at their bound."""
    spent: dict[str, Amount] = {}
    for row in before.trials:
        usd = row.cost.known_usd + (row.cost.unsettled_bound_usd or 0)
        amount = Amount(usd, row.tokens.input + row.tokens.output)
        spent[row.contestant] = spent.get(row.contestant, Amount()) + amount
    return Budgets(manifest.limits, manifest.budget, manifest.contestant_budgets, spent)


def _fitting(manifest: Manifest, concurrency: int, say: Say) -> int:
    """Lower the concurrency until the containers' memory fits the host."""
    assert manifest.engine is not None
    room_mb = manifest.engine.memory_mb * MEMORY_SHARE
    fitting = max(1, int(room_mb // manifest.sandbox.memory_mb))
    if fitting < concurrency:
        say(
            f"concurrency {fitting} instead of {concurrency}: {manifest.sandbox.memory_mb} MB a "
            f"container must fit {MEMORY_SHARE:.0%} of the engine's {manifest.engine.memory_mb} MB"
        )
    return min(fitting, concurrency)
