"""The run: lock, images, manifest, trials, and a ledger that survives whatever happens."""

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from arena import plan, site
from arena.backend import policy, preflight
from arena.backend.pool import Backends
from arena.errors import FaultError, located
from arena.executor.local import LocalExecutor
from arena.journal import Journal, Listener
from arena.ledger import Ledger, SessionBegin, SessionEnd
from arena.matrix import trial_specs
from arena.money.budget import Budgets
from arena.money.prices import DEFAULT_FX
from arena.plan import Plan
from arena.records import TrialSpec
from arena.rundir import Manifest, RunDir
from arena.score.indexer import indexing
from arena.score.load import load
from arena.score.results import Results
from arena.score.standing import standing
from arena.site import Say, Site
from arena.worker import Work, Worker

Kept = Callable[[Mapping[str, int]], None]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    results: Results
    without_verdict: int
    """Planned trials that have no verdict: faults, stopped contestants, spent budgets."""


def run(
    plan_: Plan,
    out: Path,
    *,
    say: Say,
    listener: Listener | None = None,
    kept: Kept | None = None,
) -> Outcome:
    """Run or resume a bake-off.

    Args:
        plan_: what to run.
        out: the run directory; an earlier run there is continued.
        say: told in one line each what is being done.
        listener: given every event after it is on disk.
        kept: told before the first event how many of the plan's trials are done, by contestant.

    Raises:
        InputError: the endpoint, key, engine or earlier run does not fit; nothing was started.
        EngineError: the engine broke while images were made.
        KeyboardInterrupt: after everything running was ended and removed.
    """
    rundir = RunDir(out)
    earlier = rundir.read_manifest() if rundir.manifest_path.exists() else None
    if earlier is not None:
        plan_ = plan.priced_as(plan_, earlier, say)
    specs = [c.backend for c in plan_.contestants if c.backend is not None]
    private = [task.id for task in plan_.tasks if task.private]
    config = plan_.config
    with located(plan_.where):
        policy.enforce(config.policy, specs, private=private)
        own = {c.name: c.budget for c in config.contestant if c.budget}
        Budgets(config.limits, config.budget, own)
        pool = Backends(specs)
    with pool as backends, rundir.lock():
        with located(plan_.where):
            preflight.check(specs)
        with _site(plan_, backends, say) as where:
            ready = where.ready
            made = plan.manifest_of(
                plan_, images=ready.images, layers=ready.layers, engine=ready.engine, fx=DEFAULT_FX
            )
            manifest = made
            if earlier is not None:
                manifest = plan.continued(earlier, made, where=str(out), say=say)
            rundir.write_manifest(manifest)
            with Ledger(rundir.ledger_path) as ledger:
                journal = Journal(ledger, listener)
                run_trials(plan_, manifest, rundir, where, backends, journal, say, kept)
    results = load(out)
    missing = sum(row.verdict is None for row in results.trials)
    return Outcome(results, missing)


def _site(plan_: Plan, backends: Backends, say: Say) -> AbstractContextManager[Site]:
    """Where the trials of a plan run."""
    config = plan_.config
    if config.executor == "local":
        return site.local(plan_.tasks, plan_.programs, backends, say)
    from arena.remote.site import Needs, remote  # a cluster: not for every run

    specs = tuple(c.backend for c in plan_.contestants if c.backend is not None)
    needs = Needs(
        tasks=plan_.tasks,
        programs=plan_.programs,
        backends=specs,
        keys={s.api_key_env: os.environ[s.api_key_env] for s in specs if s.api_key_env},
        sandbox=config.sandbox,
        concurrency=config.concurrency,
    )
    return remote(config.address, needs, say)


def run_trials(
    plan_: Plan,
    manifest: Manifest,
    rundir: RunDir,
    where: Site,
    backends: Backends,
    journal: Journal,
    say: Say,
    kept: Kept | None = None,
) -> None:
    """Run every trial of a plan that has no verdict yet.

    Memory does not grow with the number of trials, except by the ids of those of earlier sessions.

    Raises:
        FaultError: the machinery is broken; what is done is kept.
    """
    before = standing(rundir, manifest)
    session = secrets.token_hex(4)
    worker = Worker(
        Work(
            manifest=manifest,
            rundir=rundir,
            tasks={t.id: t for t in plan_.tasks},
            site=where,
            backends=backends,
            budgets=Budgets(
                manifest.limits, manifest.budget, manifest.contestant_budgets, before.spent
            ),
            journal=journal,
            earlier_tries=before.tries,
            labels={"arena.run": manifest.run_id},
        )
    )
    if before.done:
        say(f"resuming: {len(before.done)} trials are done and are kept")
    concurrency = where.concurrency(plan_.config.concurrency, manifest.sandbox, say)
    if kept is not None:
        kept(Counter(s.contestant for s in _planned(plan_, manifest) if s.id in before.done))
    left = _left(plan_, manifest, before.done, worker)
    journal.append(SessionBegin(session=session, at=datetime.now(UTC)))
    reason = "interrupted"
    try:
        with indexing(rundir, manifest):
            for _ in LocalExecutor(concurrency).run(worker, left):
                pass
        reason = "completed"
    finally:
        # What still runs ends because its container and its connection are gone.
        worker.cancelled.set()
        if reason != "completed":
            backends.close()
            with suppress(FaultError):  # what went wrong before says more
                where.stop()
        journal.append(SessionEnd(session=session, reason=reason, at=datetime.now(UTC)))


def _left(
    plan_: Plan, manifest: Manifest, done: frozenset[str], worker: Worker
) -> Iterator[TrialSpec]:
    """The trials to run, each when its turn comes."""
    for spec in _planned(plan_, manifest):
        if spec.id not in done and not worker.is_stopped(spec.contestant):
            yield spec


def _planned(plan_: Plan, manifest: Manifest) -> Iterator[TrialSpec]:
    """The plan's trials, which may be a part of the run's."""
    contestants, tasks = {c.name for c in plan_.contestants}, {t.id for t in plan_.tasks}
    for spec in trial_specs(manifest):
        wanted = spec.contestant in contestants and spec.task_id in tasks
        if wanted and spec.attempt <= plan_.config.attempts:
            yield spec
