"""From configuration to a manifest: resolved tasks and contestants, and what may resume."""

import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from arena import __version__, registry
from arena.agent import external
from arena.backend import checks
from arena.backend.apis import routed, with_effort
from arena.config import BackendTable, BakeoffConfig, ContestantTable
from arena.errors import InputError, located
from arena.grading.audit import refuse_hints
from arena.money.statement import FIRST_CALL_S, CallPricing
from arena.records import BackendSpec, ContestantSpec, FxRate, RacePlan, Task, digest_of
from arena.records.program import Program, texts
from arena.rundir.directory import EngineInfo, Manifest, TaskEntry, conditions_of, runs
from arena.sandbox.image.store import Image
from arena.serialize import shaped
from arena.task import pack

Narrowing = Literal["nothing", "attempts", "everything"]
ResolveBackend = Callable[[str | BackendTable], BackendSpec]


@dataclass(frozen=True)
class Plan:
    """What a configuration means on this machine, before any container or call."""

    config: BakeoffConfig
    tasks: tuple[Task, ...]
    contestants: tuple[ContestantSpec, ...]
    fx: tuple[FxRate, ...]
    """Rates of the run: the shipped ones, unless it has begun at others."""
    programs: Mapping[str, Program] = field(default_factory=dict)
    """Agents that are programs of their own, by name: those that a contestant uses."""
    where: str = ""
    """Source of the configuration, for errors."""
    narrows: Narrowing = "attempts"
    """What of an earlier run is left out where this plan is smaller."""
    race: RacePlan | None = None
    """Set where the plan is a race."""

    @property
    def specs(self) -> tuple[BackendSpec, ...]:
        """The backends of those contestants that have one."""
        return tuple(c.backend for c in self.contestants if c.backend is not None)

    @property
    def trials(self) -> int:
        """Size of the matrix."""
        return sum(self.trials_of(contestant) for contestant in self.contestants)

    def trials_of(self, contestant: ContestantSpec) -> int:
        """Trials of one contestant."""
        tasks = sum(runs(contestant, impossible=task.impossible) for task in self.tasks)
        return tasks * self.config.attempts

    def first(self, tasks: int) -> "Plan":
        """The first tasks of the run, one attempt each, for a pilot; an `InputError` of a race."""
        if self.race is not None:
            raise InputError("a race has no pilot", where="--pilot", remedy="leave it out")
        order = list(self.tasks)
        random.Random(self.config.seed).shuffle(order)
        config = self.config.model_copy(update={"attempts": 1})
        return replace(self, config=config, tasks=tuple(order[:tasks]), narrows="nothing")


@dataclass(frozen=True)
class Overrides:
    """Flags of the command line; empty or None leaves the configuration as it is."""

    tasks: tuple[str, ...] = ()
    contestants: tuple[str, ...] = ()
    attempts: int | None = None
    concurrency: int | None = None
    executor: str | None = None
    address: str | None = None
    narrow: bool = False
    """Leave tasks and contestants of an earlier run out that are not chosen."""
    race: bool = False
    """Choose trials as evidence comes in."""
    retired: bool = False
    """Take retired models too: they are only shown."""


def resolve(
    config: BakeoffConfig,
    *,
    base: Path,
    backend: ResolveBackend,
    fx: Sequence[FxRate],
    overrides: Overrides | None = None,
    where: str = "bakeoff.toml",
) -> Plan:
    """Look up every task, agent and backend a configuration names.

    Relative paths start from `base`; `fx` are rates for a run that has not begun. What does not
    exist, or limits that do not fit the contestants, is an `InputError`.
    """
    overrides = overrides or Overrides()
    names = ("attempts", "concurrency", "executor", "address")
    changed = {n: flag for n in names if (flag := getattr(overrides, n)) is not None}
    config = shaped(config.model_copy(update=changed).model_dump(), BakeoffConfig, where=where)
    tables = _chosen(config.contestant, overrides.contestants)
    with located("--task" if overrides.tasks else f"{where}: tasks"):
        tasks = _tasks(overrides.tasks or config.tasks, base)
    known = external.load([base / path for path in config.agents])
    programs = {t.agent: known[t.agent] for t in tables if t.agent in known}
    agents, contestants = {*registry.AGENTS, *known}, []
    for table in tables:
        at = f"{where}: contestant {table.name!r}"
        with located(at):
            if table.agent not in agents:
                raise registry.unknown("agent", table.agent, agents)
            program = programs.get(table.agent)
            own = [table.params, None if program is None else external.identity(program)]
            refuse_hints("\n".join(text for _, text in texts("", own)), tasks, where=at)
            contestants.append(_contestant(table, program, backend))
            _check_limits(contestants[-1], config, fx)
            if program is not None:
                external.check_tasks(program, tasks)
    narrows: Narrowing = "everything" if overrides.narrow else "attempts"
    return Plan(config, tasks, tuple(contestants), tuple(fx), programs, where, narrows)


def _chosen(tables: Sequence[ContestantTable], names: Sequence[str]) -> list[ContestantTable]:
    """A table for each contestant; a name chooses it, or all the efforts that go by that name."""
    known = {one.name: {one.name, table.name} for table in tables for one in table.each()}
    for name in names:
        if name not in set().union(*known.values()):
            raise registry.unknown("contestant", name, known, where="--contestant")
    everyone = [one for table in tables for one in table.each()]
    return [one for one in everyone if not names or not known[one.name].isdisjoint(names)]


def _tasks(selections: Sequence[str], base: Path) -> tuple[Task, ...]:
    found: dict[str, Task] = {}
    for selection in selections:
        for task in pack.load(selection, base=base):
            other = found.setdefault(task.id, task)
            if other.digest != task.digest:
                raise InputError(
                    f"two different tasks are called {task.id!r}",
                    where=f"{other.root} and {task.root}",
                    remedy="rename one of the packs",
                )
    return tuple(found.values())


def _contestant(
    table: ContestantTable, program: Program | None, backend: ResolveBackend
) -> ContestantSpec:
    """A table of one effort at most, resolved."""
    level = next(iter(table.efforts), None)
    if program is None:
        module = registry.agent_module(table.agent)
        module.make(table.agent, table.params)
        able = module.capabilities(table.agent, table.params)
        identity: JsonValue = [table.agent, registry.code_of(registry.AGENTS[table.agent])]
    else:
        external.make(program, table.params)
        able = external.capabilities(program)
        identity = external.identity(program.told(level))
    if able.control and table.backend is not None:
        raise InputError(f"{table.agent} takes no backend", remedy="remove it")
    if not able.control and table.backend is None:
        raise InputError("'backend' is missing", remedy="name one or give a base_url")
    spec = None if table.backend is None else backend(table.backend)
    if spec is not None and able.needs_gateway:
        spec = routed(spec, able.apis, agent=table.agent)
    elif spec is not None and able.needs_tools and spec.api == "chat" and not spec.chat_tools:
        what = f"{spec.name} takes no tools on chat completions"
        raise InputError(what, remedy='use params = { protocol = "text" }')
    if level is not None:
        if spec is None:
            what = f"{table.agent} has no model to tell an effort"
            raise InputError(what, remedy="remove efforts")
        spec = with_effort(spec, level)
    return ContestantSpec(
        name=table.name,
        agent=table.agent,
        agent_digest=digest_of(identity),
        backend=spec,
        params=table.params,
        effort=level,
        family=table.name.removesuffix(f"-{level}") if level else "",
        control=able.control,
    )


def _check_limits(contestant: ContestantSpec, config: BakeoffConfig, fx: Sequence[FxRate]) -> None:
    spec = contestant.backend
    if spec is None or config.limits.usd is None or config.limits.tokens is not None:
        return
    gone = spec.retires_on is not None and spec.retires_on <= datetime.now(UTC).date()
    if not gone and not CallPricing(spec, fx).known:  # what is gone is only shown, as that
        raise InputError(
            "limits.usd cannot be held: the price is unknown",
            remedy="give it a price or hourly_usd, or set limits.tokens as well",
        )


def first_call(plan: Plan, contestant: ContestantSpec) -> str:
    """In words, that limits.usd is less than a first call reserves, so that none is made; else
    empty. Programs set the length of replies themselves: of theirs only time is known before.
    """
    spec, limit = contestant.backend, plan.config.limits.usd
    if spec is None or limit is None:
        return ""
    tokens = 0 if contestant.agent in plan.programs else plan.config.limits.output_tokens
    held = CallPricing(spec, plan.fx).expected(0, tokens, FIRST_CALL_S).usd
    if held <= limit:
        return ""
    return (
        f"its trials end before their first call, which reserves ${held:.4g} or more of"
        f" limits.usd = {limit}"
    )


def stale_price(contestant: ContestantSpec) -> str:
    """In words, that the price of a contestant's backend was looked at long ago; else empty."""
    rows = () if contestant.backend is None else contestant.backend.prices
    return checks.stale_price(rows, datetime.now(UTC).date())


# ── manifest ───────────────────────────────────────────────────────────────────────────────────


def manifest_of(
    plan: Plan, *, images: Mapping[str, Image], layers: Mapping[str, str], engine: EngineInfo
) -> Manifest:
    """The manifest of a new run."""
    config = plan.config
    return Manifest(
        run_id=secrets.token_hex(8),
        name=config.name,
        created_at=datetime.now(UTC),
        arena_version=__version__,
        attempts=config.attempts,
        concurrency=config.concurrency,
        limits=config.limits,
        sandbox=config.sandbox,
        strict=config.strict,
        conditions=conditions_of(config.limits, config.sandbox, strict=config.strict),
        budget=config.budget,
        contestant_budgets={
            one.name: one.budget for c in config.contestant for one in c.each() if one.budget
        },
        seed=config.seed,
        value_usd=config.decision.value_usd,
        race=plan.race,
        tasks=tuple(task_entry(t, images[t.id]) for t in plan.tasks),
        contestants=tuple(
            c.model_copy(update={"recorded_digest": c.digest}) for c in plan.contestants
        ),
        fx=plan.fx,
        engine=engine,
        base_image=next((image.base for image in images.values()), ""),
        programs=dict(plan.programs),
        layers=dict(layers),
    )


def task_entry(task: Task, image: Image) -> TaskEntry:
    """What the manifest keeps of a task."""
    own = {"image", "image_id"}
    shared = {name: getattr(task, name) for name in TaskEntry.model_fields if name not in own}
    return TaskEntry(**shared, image=image.content, image_id=image.id)
