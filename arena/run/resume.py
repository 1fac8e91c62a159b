"""An earlier run goes on: at the prices it began with, and with what it may be compared to."""

from dataclasses import replace

from arena import registry
from arena.agent import external
from arena.errors import InputError
from arena.money.prices import rates_over
from arena.records import ContestantSpec, Record, digest_of
from arena.records.program import Program
from arena.run.plan import Narrowing, Plan
from arena.rundir.directory import Manifest, TaskEntry
from arena.sandbox.docker import Say


def priced_as(plan: Plan, earlier: Manifest, say: Say) -> Plan:
    """The plan at the prices and rates of an earlier run, as a run has one; says what differs."""
    fx = rates_over(plan.fx, earlier.fx)
    before = earlier.backends
    kept = []
    for contestant in plan.contestants:
        spec, old = contestant.backend, before.get(contestant.name)
        if spec and old and (spec.prices, spec.hourly_usd) != (old.prices, old.hourly_usd):
            say(
                f"{contestant.name} goes on at the prices with which the run began;"
                " 'arena reprice' tells what it comes to at others"
            )
            same = {"prices": old.prices, "hourly_usd": old.hourly_usd}
            spec = spec.model_copy(update=same)
        kept.append(contestant.model_copy(update={"backend": spec}))
    used = {row.currency for c in kept if c.backend is not None for row in c.backend.prices}
    now = {rate.currency: rate.usd for rate in plan.fx}
    for rate in fx:
        if rate.currency in used and now.get(rate.currency, rate.usd) != rate.usd:
            say(
                f"{rate.currency} goes on at {rate.usd} USD, the rate with which the run began;"
                " 'arena reprice --fx' tells what it comes to at others"
            )
    return replace(plan, contestants=tuple(kept), fx=fx)


def continued(
    old: Manifest, new: Manifest, *, where: str, say: Say, narrows: Narrowing = "nothing"
) -> Manifest:
    """The manifest with which an earlier run goes on.

    Tasks, contestants and attempts may be added to, concurrency and budgets be others, and the plan
    narrowed; what would make old and new trials incomparable may not change: an `InputError` names
    it all.
    Told are agents whose code may be another than the run began with, and what leaves the plan.
    """
    check_race(old, new, where)
    changes = _changes(old.limits, new.limits, "limits.")
    changes += _changes(old.sandbox, new.sandbox, "sandbox.")
    changes += [name for name in ("strict", "seed") if getattr(old, name) != getattr(new, name)]
    old_tasks, asked = {t.id: t for t in old.tasks}, {c.name for c in new.contestants}
    changes += [what for t in new.tasks if (what := _task_change(old_tasks.get(t.id), t))]
    contestants = {c.name: c for c in old.contestants}
    for contestant in new.contestants:
        earlier = contestants.get(contestant.name, contestant)
        kept = _same(earlier, contestant, new.programs.get(contestant.agent))
        if kept is None:
            changes.append(f"contestant {contestant.name}: {_differing(earlier, contestant)}")
        elif kept.digest != contestant.digest:
            say(
                f"{contestant.name} goes on with the agent {contestant.agent} of this version of"
                " Arena; the run began before an agent's code was part of what it is"
            )
        contestants[contestant.name] = kept or contestant
    if changes:
        raise InputError(
            f"the run there differs in: {', '.join(changes)}",
            where=where,
            remedy="undo the change, or give a new --out",
        )
    for name, layer in new.layers.items():
        if old.layers.get(name, layer) != layer:
            say(f"{name} was installed anew since the run began: what it brings may differ")
    tasks = old_tasks | {t.id: t for t in new.tasks}
    return new.model_copy(
        update={
            "run_id": old.run_id,
            "created_at": old.created_at,
            "conditions": old.conditions,
            **_narrowed(old, new, narrows, say),
            "tasks": tuple(tasks.values()),
            "contestants": tuple(contestants.values()),
            "contestant_budgets": {
                name: budget
                for name, budget in (old.contestant_budgets | new.contestant_budgets).items()
                if name in new.contestant_budgets or name not in asked
            },
            "fx": rates_over(new.fx, old.fx),
            "programs": old.programs | new.programs,
            "layers": old.layers | new.layers,
        }
    )


def check_race(old: Manifest, new: Manifest, where: str) -> None:
    """An `InputError` on going on with a race as another one, or with a run as a race."""
    if (old.race is None) != (new.race is None):
        flag = "add --race" if old.race else "leave --race out"
        kind = "a race" if old.race else "no race"
        raise InputError(f"the run there is {kind}", where=where, remedy=f"{flag}, or give --out")
    names = [{c.name for c in manifest.contestants} for manifest in (old, new)]
    same = old.race == new.race and old.attempts == new.attempts and names[0] == names[1]
    if old.race and not same:
        raise InputError(
            "a race goes on with the rules, tasks, attempts and contestants that it began with",
            where=where,
            remedy="undo the change, or give a new --out",
        )


def _task_change(was: TaskEntry | None, now: TaskEntry) -> str:
    """What of a task changed; empty where nothing did."""
    if was is None or (was.digest, was.image) == (now.digest, now.image):
        return ""
    return f"task {now.id}" if was.digest != now.digest else f"image of task {now.id}"


def _narrowed(old: Manifest, new: Manifest, narrows: Narrowing, say: Say) -> dict[str, object]:
    """What of the run is planned from now on; in one line, what no longer is."""
    attempts = max(old.attempts, new.attempts) if narrows == "nothing" else new.attempts
    everything = narrows == "everything"
    tasks, names = {t.id for t in new.tasks}, {c.name for c in new.contestants}
    before = old.planned()
    more_tasks = [t.id for t in before.tasks if everything and t.id not in tasks]
    more_names = [c.name for c in before.contestants if everything and c.name not in names]
    if attempts < old.attempts:
        say(
            f"narrowed from {old.attempts} attempts at each task to {attempts}: the others leave"
            f" the reports, and come back with --attempts {old.attempts}"
        )
    if gone := [*more_names, *more_tasks]:
        some = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
        say(f"narrowed: {some} left out of the plan and of the reports until asked for again")
    return {
        "attempts": attempts,
        "attempts_begun": max(old.attempts, old.attempts_begun, attempts),
        "left_out_tasks": tuple(t for t in (*old.left_out_tasks, *more_tasks) if t not in tasks),
        "left_out_contestants": tuple(
            c for c in (*old.left_out_contestants, *more_names) if c not in names
        ),
    }


def _same(
    earlier: ContestantSpec, now: ContestantSpec, program: Program | None
) -> ContestantSpec | None:
    """A contestant as its earlier trials know it; None where it is another one."""
    if earlier.digest == now.digest:
        return now
    first = registry.EARLIER_DIGESTS.get(now.agent)
    if program is not None:
        first = digest_of(external.earlier_identity(program))
    then = now.model_copy(update={"agent_digest": first, "recorded_digest": ""})
    if earlier.agent_digest != first or earlier.digest != then.digest:
        return None
    return then.model_copy(update={"recorded_digest": earlier.digest})


def _differing(earlier: ContestantSpec, now: ContestantSpec) -> str:
    then, new = (c.backend and c.backend.identity() for c in (earlier, now))
    parts = {
        "its agent": earlier.agent != now.agent,
        "the code, prompts or profile of its agent": earlier.agent_digest != now.agent_digest,
        "its backend": then != new,
        "its params": earlier.params != now.params,
    }
    changed = [what for what, differs in parts.items() if differs]
    return " and ".join(changed) or "what it is told apart by"


def _changes(old: Record, new: Record, prefix: str) -> list[str]:
    """The fields that differ, each with both values."""
    return [
        f"{prefix}{name} ({getattr(old, name)}, now {getattr(new, name)})"
        for name in type(old).model_fields
        if getattr(old, name) != getattr(new, name)
    ]
