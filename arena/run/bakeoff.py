"""The run: lock, images, manifest, trials, and a ledger that survives whatever happens."""

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from arena.backend import resolve
from arena.backend.pool import Backends, check_endpoints
from arena.errors import FaultError, located
from arena.money.budget import check_budgets
from arena.records import TrialRecord, TrialSpec
from arena.run import hosts, plan, resume
from arena.run.hosts import TrialHost
from arena.run.plan import Plan
from arena.run.worker import Worker
from arena.rundir.directory import Manifest, RunDir, trial_specs
from arena.rundir.ledger import Event, Ledger, SessionBegin, SessionEnd
from arena.sandbox.docker import Say
from arena.score.index import indexing
from arena.score.load import Kept, load
from arena.score.results import Results

if TYPE_CHECKING:
    from arena.run.race import RaceOrder

Planned = Callable[[], Iterator[TrialSpec]]
"""The trials of a command, which may be a part of the run's; each call goes through them anew."""


class Watcher(Protocol):
    """Whoever follows a run while it goes on."""

    def begin(self, manifest: Manifest, kept: Mapping[str, Kept]) -> None:
        """Before the first event: the run, and what is done of it, by contestant."""

    def __call__(self, event: Event) -> None:
        """An event, after it is on disk."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended."""

    results: Results
    without_verdict: int
    """Trials of the command that have no verdict: faults, stopped contestants, spent budgets."""
    outside: int
    """Trials without a verdict that the run plans, but this command did not ask for."""


def run(plan_: Plan, out: Path, *, say: Say, watcher: Watcher | None = None) -> RunOutcome:
    """Run a bake-off into a run directory, where an earlier run is continued.

    Raises:
        InputError: the endpoint, key, engine or earlier run does not fit; nothing was started.
        EngineError: the engine broke while images were made.
        KeyboardInterrupt: after everything running was ended and removed.
    """
    rundir = RunDir(out)
    with rundir.lock():
        planned = _run(plan_, rundir, say, watcher)
    results = load(out)
    asked = {spec.id for spec in planned()}
    missing = [row.id in asked for row in results.trials if row.verdict is None]
    return RunOutcome(results, sum(missing), len(missing) - sum(missing))


def _run(plan_: Plan, rundir: RunDir, say: Say, watcher: Watcher | None) -> Planned:
    """As `run`, in a directory that is locked; the trials of the command."""
    where, config, earlier = str(rundir.path), plan_.config, rundir.begun()
    if earlier is not None:
        plan_ = resume.priced_as(plan_, earlier, say)
    private = [task.id for task in plan_.tasks if task.private]
    with located(plan_.where):
        resolve.enforce(config.policy, plan_.specs, private=private)
        own = [c.budget for c in config.contestant if c.budget]
        check_budgets(config.limits, (config.budget, *own))
        pool = Backends(plan_.specs, fx=plan_.fx)
    with pool as backends:
        for contestant in plan_.contestants:
            if old := plan.stale_price(contestant):
                say(f"{contestant.name}: {old}; 'arena backends check' tells of all")
        with located(plan_.where):
            check_endpoints(plan_.specs)
        with _host(plan_, backends, say) as host:
            ready = host.ready
            manifest = plan.manifest_of(
                plan_, images=ready.images, layers=ready.layers, engine=ready.engine
            )
            if earlier is not None:
                manifest = resume.continued(
                    earlier, manifest, where=where, say=say, narrows=plan_.narrows
                )
            rundir.write_manifest(manifest)
            planned = partial(_planned, plan_, manifest)
            tasks = {task.id: task for task in plan_.tasks}
            with Ledger(rundir.ledger_path, watcher) as ledger:
                worker = Worker(manifest, rundir, tasks, host, backends, ledger)
                run_trials(worker, planned, say, watcher)
    return planned


def _host(plan_: Plan, backends: Backends, say: Say) -> AbstractContextManager[TrialHost]:
    """Where the trials of a plan run."""
    config = plan_.config
    if config.executor == "local":
        return hosts.local(plan_.tasks, plan_.programs, backends, say)
    hosts.check_extra("ray", "executor 'ray', here and on every node,")
    from arena.run.node import RunSetup
    from arena.run.ray_host import remote  # a cluster: not for every run

    setup = RunSetup(
        programs=plan_.programs,
        backends=plan_.specs,
        fx=plan_.fx,
        keys={s.api_key_env: os.environ[s.api_key_env] for s in plan_.specs if s.api_key_env},
        sandbox=config.sandbox,
        concurrency=config.concurrency,
    )
    return remote(config.address, plan_.tasks, setup, say)


def run_trials(worker: Worker, planned: Planned, say: Say, watcher: Watcher | None = None) -> None:
    """Run every planned trial without a verdict; a `FaultError` where the machinery is broken."""
    manifest, before, stopped = worker.manifest, worker.before, worker.is_stopped
    mine = [spec for spec in planned() if spec.id in before.done]
    if mine:
        say(f"resuming: {len(mine)} trials are done and are kept")
    concurrency = worker.host.concurrency(manifest.concurrency, manifest.sandbox)
    if watcher is not None:
        done = Counter(spec.contestant for spec in mine)
        passed = Counter(spec.contestant for spec in mine if spec.id in before.passed)
        kept = {
            name: Kept(done[name], passed[name], before.known_usd.get(name, Decimal(0)))
            for name in done.keys() | before.known_usd.keys()
        }
        watcher.begin(manifest, kept)
    order = None
    if manifest.race is not None:
        from arena.run.race import RaceOrder  # numpy and scipy: not for every run

        order = RaceOrder(manifest, worker.rundir, planned(), before.done, stopped)
    todo = (s for s in planned() if s.id not in before.done and not stopped(s.contestant))
    following = order.next if order else partial(next, todo, None)
    with _session(worker.ledger), indexing(worker.rundir, manifest):
        try:
            _in_threads(worker, following, order, concurrency)
        except BaseException:
            # What still runs ends because its container and its connection are gone.
            worker.cancelled.set()
            worker.backends.close()
            with suppress(FaultError):  # what went wrong before says more
                worker.host.stop()
            raise


@contextmanager
def _session(ledger: Ledger) -> Iterator[None]:
    """One sitting at a ledger: interrupted, unless it comes to its end."""
    ident, reason = secrets.token_hex(4), "interrupted"
    ledger.append(SessionBegin(session=ident, at=datetime.now(UTC)))
    try:
        yield
        reason = "completed"
    finally:
        ledger.append(SessionEnd(session=ident, reason=reason, at=datetime.now(UTC)))


def _in_threads(
    worker: Worker,
    following: Callable[[], TrialSpec | None],
    order: "RaceOrder | None",
    at_once: int,
) -> None:
    """Run trials, each once a thread is free and there is one to take, which `order` hears of.

    An exception is raised here; what runs must be ended by whoever owns its resources.
    """
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="trial")
    running: dict[Future[TrialRecord | None], TrialSpec] = {}
    try:
        while True:
            while len(running) < at_once and (spec := following()) is not None:
                running[pool.submit(worker, spec)] = spec
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                spec, record = running.pop(future), future.result()
                if order is not None:
                    order.ended(spec, record)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _planned(plan_: Plan, manifest: Manifest) -> Iterator[TrialSpec]:
    """The plan's trials, which may be a part of the run's."""
    contestants, tasks = {c.name for c in plan_.contestants}, {t.id for t in plan_.tasks}
    for spec in trial_specs(manifest):
        wanted = spec.contestant in contestants and spec.task_id in tasks
        if wanted and spec.attempt <= plan_.config.attempts:
            yield spec
