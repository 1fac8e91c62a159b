"""Which trial a race runs next, given what has ended: a function of seed and events alone.

Evidence takes tasks in their order, each once all who are still in the race are done with it. So
trials may run ahead of it, which keeps all workers busy: the nearest task first, on it the cheapest
contestant first, and last what will probably not matter any more when its task's turn comes. Tasks
of a weaker assurance than the strongest, which are no evidence, wait for all others.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import inf

import numpy as np

from arena.errors import InputError, located
from arena.money.budget import check_budgets
from arena.records import RacePlan, TrialRecord, TrialSpec
from arena.run.plan import Plan
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir
from arena.score.race import Race, attempt_usd, cost_bound, racers
from arena.score.reducer import Reducer, TrialState
from arena.score.tally import scoring_tasks


def as_race(plan: Plan) -> Plan:
    """The plan as a race, its order drawn, its money limited; an `InputError` where it is none."""
    config, rules = plan.config, plan.config.race
    if rules is None:
        remedy = 'add [race], such as goal = "best_value" with value_usd = 5'
        raise InputError("nothing says what a race is to decide", where=plan.where, remedy=remedy)
    with located(f"{plan.where}: [race]"):
        if rules.value_usd is not None and config.limits.usd is None:
            remedy = "set limits.usd: what one trial may spend at most"
            raise InputError("a race by value needs a bound of what a trial costs", remedy=remedy)
        if len(racers(plan.contestants)) < 2:
            raise InputError("a race takes two contestants that are no controls", remedy="add one")
        if all(task.impossible for task in plan.tasks):
            raise InputError("a race needs a task that can be solved", remedy="add one")
        most = [usd for usd in (config.budget.usd, rules.max_usd) if usd is not None]
        budget = config.budget.model_copy(update={"usd": min(most, default=None)})
        check_budgets(config.limits, [budget])
    order = sorted(task.id for task in plan.tasks)
    random.Random(config.seed).shuffle(order)
    return replace(
        plan,
        config=config.model_copy(update={"budget": budget}),
        race=RacePlan(rules=rules, order=tuple(order)),
    )


class RaceOrder:
    """The order of work of a race, whose `specs` are all its trials; reads the growing ledger."""

    def __init__(
        self,
        manifest: Manifest,
        rundir: RunDir,
        specs: Iterable[TrialSpec],
        done: frozenset[str],
        is_stopped: Callable[[str], bool],
    ) -> None:
        assert manifest.race is not None
        self._ledger = rundir.ledger_path
        self._offset = 0
        self._reducer = Reducer(manifest.backends, manifest.fx)
        self._is_stopped = is_stopped
        self._who = racers(manifest.contestants)
        self._number = {one.name: i for i, one in enumerate(self._who)}
        self._place = {task: i for i, task in enumerate(manifest.race.order)}
        scored = {task.id for task in scoring_tasks(manifest)}
        self._scored = [task for task in manifest.race.order if task in scored]
        self._last = {task.id for task in manifest.tasks if not task.impossible} - scored
        """Tasks that are no evidence."""
        self._at: dict[tuple[str, str], list[TrialSpec]] = {}
        self._todo: dict[str, deque[TrialSpec]] = {c.name: deque() for c in manifest.contestants}
        ordered = sorted(
            specs, key=lambda s: (s.task_id in self._last, self._place[s.task_id], s.attempt)
        )
        for spec in ordered:
            self._at.setdefault((spec.contestant, spec.task_id), []).append(spec)
            if spec.id not in done:
                self._todo[spec.contestant].append(spec)
        self._given_up: set[str] = set()
        """Trials that ended without a verdict in this session: nobody waits for them."""
        self._spent = {c.name: [0.0, 0] for c in manifest.contestants}
        """US dollars and number of the attempts that evidence has taken."""
        self.race = Race(
            len(self._who), manifest.race.rules, cost_bound(manifest.limits, np.array([inf]))
        )

    def next(self) -> TrialSpec | None:
        """The trial to start now; None where nothing is to start before another has ended."""
        self._follow()
        heads = [
            queue[0]
            for name, queue in self._todo.items()
            if queue and self._is_in(name) and not self._is_stopped(name)
        ]
        if not heads or self._is_over():
            return None
        chosen = min(heads, key=self._rank)
        if chosen.task_id in self._last and self.race.tasks < len(self._scored):
            return None
        return self._todo[chosen.contestant].popleft()

    def ended(self, spec: TrialSpec, record: TrialRecord | None) -> None:
        """Take note that a trial is over, whether or not it has a verdict."""
        if record is None or record.verdict is None:
            self._given_up.add(spec.id)

    def _is_over(self) -> bool:
        """Whether the answer is there, or only one contestant is left that can still run."""
        running = [c for c in self._who if self._is_in(c.name) and not self._is_stopped(c.name)]
        return bool(self.race.decided[0]) or len(running) < 2

    def _is_in(self, name: str) -> bool:
        """Whether a contestant has not left; controls never do."""
        number = self._number.get(name)
        return number is None or bool(self.race.live[0, number])

    def _rank(self, spec: TrialSpec) -> tuple[int, float, float]:
        """What has the lowest is run first."""
        usd, made = self._spent[spec.contestant]
        cost, place = usd / made if made else 0.0, self._place[spec.task_id]
        ahead = place - self._place[self._scored[min(self.race.tasks, len(self._scored) - 1)]]
        if spec.task_id in self._last:
            return 2, place, cost
        return (1, cost, place) if ahead > self._stays(spec.contestant) else (0, place, cost)

    def _stays(self, name: str) -> float:
        """For how many more tasks a contestant will probably be in the race."""
        evidence, enough = self.race.evidence[0], self.race.enough
        grows = np.maximum(evidence, 1e-9) / max(1, self.race.tasks)
        left = np.maximum((enough - evidence) / grows, 1.0)
        ends = float(np.sort(left[self.race.live[0]])[::-1][1:].max(initial=0.0))
        number = self._number.get(name)
        return ends if number is None else min(ends, float(left[number]))

    def _follow(self) -> None:
        """Read what the ledger has grown by, and take every task that is complete by now."""
        for event, offset in ledger.read_from(self._ledger, self._offset):
            self._reducer.add(event)
            self._offset = offset
        while self.race.tasks < len(self._scored) and not self.race.decided[0]:
            task = self._scored[self.race.tasks]
            who = [c.name for c in self._who]
            made = [self._made(name, task) for name in who]
            if any(not m and self._awaited(name, task) for m, name in zip(made, who, strict=True)):
                return
            passed, cost = np.full((1, len(who)), np.nan), np.full((1, len(who)), np.nan)
            for i, attempts in enumerate(made):
                if attempts:
                    passed[0, i] = np.mean([passes for passes, _ in attempts])
                    cost[0, i] = np.mean([usd for _, usd in attempts])
                    self._spent[who[i]][0] += sum(usd for _, usd in attempts)
                    self._spent[who[i]][1] += len(attempts)
            self.race.take(passed, cost)

    def _made(self, name: str, task: str) -> Sequence[tuple[bool, float]]:
        """The attempts of a contestant at a task, where all have a verdict: passed, US dollars."""
        found = [self._outcome(spec) for spec in self._at.get((name, task), ())]
        return [one for one in found if one is not None] if None not in found else []

    def _outcome(self, spec: TrialSpec) -> tuple[bool, float] | None:
        state = self._reducer.trials.get(spec.id, TrialState())
        record = state.record_of(spec)
        if record is None or record.verdict is None:
            return None
        who = self._who[self._number[spec.contestant]]
        usd = attempt_usd(state.sums.cost().billed_usd, record.active_s, who)
        return record.verdict == "passed", usd

    def _awaited(self, name: str, task: str) -> bool:
        """Whether a task is to wait for a contestant."""
        specs = self._at.get((name, task), ())
        given_up = any(spec.id in self._given_up for spec in specs)
        return self._is_in(name) and not self._is_stopped(name) and not given_up
