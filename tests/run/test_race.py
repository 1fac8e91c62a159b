"""The order of work of a race: what runs next is a function of the seed and of what has ended."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from arena.errors import InputError
from arena.records import (
    Fault,
    Limits,
    RacePlan,
    RaceRules,
    TrialRecord,
    Verification,
)
from arena.run.race import RaceOrder
from arena.run.resume import check_race
from arena.rundir.directory import RunDir, trial_specs
from arena.rundir.ledger import Ledger, SessionBegin, TrialBegin, TrialEnd
from tests.score.made import Player, results

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RULES = RaceRules(goal="best_value", value_usd=Decimal(1))
RATES = {"good": 0.95, "fair": 0.5, "bad": 0.1}


def manifest(tasks=60, attempts=1, rules=RULES, rates=RATES):
    players = {name: Player([0.0] * tasks) for name in rates}
    players["nop"] = Player([0.0] * tasks, control=True, agent="nop")
    made = results(players, attempts=attempts, limits=Limits(usd=Decimal("0.1"))).manifest
    order = sorted(t.id for t in made.tasks)
    random.Random(made.seed).shuffle(order)
    hourly = [
        c
        if c.control
        else c.model_copy(
            update={"backend": c.backend.model_copy(update={"hourly_usd": Decimal(1)})}
        )
        for c in made.contestants
    ]
    race = RacePlan(rules=rules, order=tuple(order))
    return made.model_copy(update={"race": race, "contestants": tuple(hourly)})


@dataclass
class Rig:
    """Trials without containers: begun and ended in the ledger of a run."""

    folder: object
    manifest: object
    at_once: int = 1
    seed: int = 0
    faulty: frozenset[str] = frozenset()
    stopped: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    order: RaceOrder | None = None
    most_running: int = 0

    def session(self, kill_after: int | None = None) -> bool:
        """Run until the race is over, or until so many trials have ended; whether it is over."""
        rundir = RunDir(self.folder)
        done = frozenset(i for i, passed in self.ended.items() if passed is not None)
        self.order = order = RaceOrder(
            self.manifest,
            rundir,
            trial_specs(self.manifest),
            done,
            self.stopped.__contains__,
        )
        dice, running, count = random.Random(self.seed), [], 0
        with Ledger(rundir.ledger_path) as ledger:
            ledger.append(SessionBegin(session="s", at=NOW))
            while True:
                while len(running) < self.at_once and (spec := order.next()) is not None:
                    running.append(spec)
                    self.begun.append(spec.id)
                    ledger.append(TrialBegin(spec=spec, try_number=1, at=NOW))
                self.most_running = max(self.most_running, len(running))
                if not running:
                    return True
                if count == kill_after:
                    return False
                spec = running.pop(dice.randrange(len(running)))
                record = self.record(spec)
                ledger.append(TrialEnd(record=record))
                self.ended[spec.id] = record.verdict
                order.ended(spec, record)
                count += 1

    ended: dict[str, str | None] = field(default_factory=dict)

    def record(self, spec):
        passes = random.Random(spec.id).random() < RATES.get(spec.contestant, 0)
        fault = Fault(kind="provider", message="down") if spec.id in self.faulty else None
        return TrialRecord(
            **spec.model_dump(),
            stop="submitted",
            verification=None if fault else Verification(verdict="passed" if passes else "failed"),
            fault=fault,
            active_s=len(spec.contestant) * 10,
            started_at=NOW,
            ended_at=NOW,
        )

    @property
    def end(self):
        race = self.order.race
        return race.answer.tolist(), race.left_after.tolist(), race.tasks, race.evidence.tolist()


def graded_in_two_ways(tasks):
    """A race on every other task alone: those between are graded in a weaker way."""
    made = manifest(tasks=tasks)
    weaker = {task.id for task in made.tasks[::2]}
    entries = tuple(
        task.model_copy(update={"assurance": "report"}) if task.id in weaker else task
        for task in made.tasks
    )
    made = made.model_copy(update={"tasks": entries})
    return made, {spec.id for spec in trial_specs(made) if spec.task_id in weaker}


def test_no_money_goes_to_tasks_without_evidence_before_it_is_decided(tmp_path):
    made, weaker = graded_in_two_ways(120)
    rig = Rig(tmp_path, made, at_once=4, seed=5)
    assert rig.session()
    assert rig.end[0] == [0]
    assert not weaker & set(rig.begun)


def test_idle_workers_take_no_task_without_evidence_while_other_trials_may_decide(tmp_path):
    made, weaker = graded_in_two_ways(8)
    rig = Rig(tmp_path, made, at_once=8)
    assert not rig.session(kill_after=10)
    assert not weaker & set(rig.begun)
    assert rig.session()
    assert weaker <= set(rig.begun)


def test_the_same_events_make_the_same_choices(tmp_path):
    rigs = [Rig(tmp_path / str(i), manifest(), at_once=4, seed=5) for i in range(2)]
    for rig in rigs:
        rig.folder.mkdir()
        assert rig.session()
    assert rigs[0].begun == rigs[1].begun
    assert rigs[0].end == rigs[1].end


@pytest.mark.parametrize("at_once", [1, 3, 16])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_answer_does_not_depend_on_the_order_in_which_trials_end(tmp_path, at_once, seed):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    alone = Rig(one, manifest())
    alone.session()
    many = Rig(other, manifest(), at_once=at_once, seed=seed)
    many.session()
    assert many.end == alone.end
    assert alone.end[0] == [0]
    assert len(many.begun) < 4 * 60


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_race_killed_at_any_moment_comes_to_the_same_end(tmp_path, attempts):
    whole = Rig(tmp_path / "whole", manifest(attempts=attempts))
    whole.folder.mkdir()
    whole.session()
    for number, at_once in ((7, 1), (30, 1), (11, 4), (25, 16)):
        folder = tmp_path / f"{number}-{at_once}"
        folder.mkdir()
        rig = Rig(folder, manifest(attempts=attempts), at_once=at_once)
        while not rig.session(kill_after=number):
            pass
        assert rig.end == whole.end
        if at_once == 1:  # what ran when it was killed is run again; all else is the same choice
            assert list(dict.fromkeys(rig.begun)) == whole.begun


def test_workers_are_busy_until_the_end(tmp_path):
    rig = Rig(tmp_path, manifest(), at_once=16)
    rig.session()
    assert rig.most_running == 16


def test_who_has_left_never_starts_again_and_controls_keep_up(tmp_path):
    rig = Rig(tmp_path, manifest())
    rig.session()
    left = rig.order.race.left_after[0][2]
    order = rig.manifest.race.order
    last = [i for i in rig.begun if "--bad--" in i][-1]
    assert last.startswith(order[left - 1].replace("/", "."))
    assert sum("--nop--" in i for i in rig.begun) >= rig.order.race.tasks


def test_the_dear_come_last_on_a_task(tmp_path):
    rig = Rig(tmp_path, manifest(rates={"dear-and-slow": 0.5, "good": 0.95, "bad": 0.1}))
    rig.session()
    first = rig.manifest.race.order[5].replace("/", ".")
    on_it = [i for i in rig.begun if i.startswith(f"{first}--")]
    assert "dear-and-slow" in on_it[-1]


def test_a_trial_without_a_verdict_is_not_waited_for(tmp_path):
    run = manifest()
    faulty = frozenset(s.id for s in trial_specs(run) if s.task_id == run.race.order[2])
    rig = Rig(tmp_path, run, faulty=faulty)
    rig.session()
    assert rig.end[0] == [0]


def test_a_stopped_contestant_is_not_beaten(tmp_path):
    rig = Rig(tmp_path, manifest(), stopped={"fair"})
    rig.session()
    assert rig.end[0] == [-1]
    assert rig.order.race.live[0].tolist() == [True, True, False]
    assert not any("--fair--" in i for i in rig.begun)
    assert len(rig.begun) < 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"race": None}, "the run there is a race"),
        ({"attempts": 2}, "began with"),
        ({"race": RacePlan(rules=RULES, order=("x",))}, "began with"),
        ({"race": RacePlan(rules=RULES.model_copy(update={"alpha": 0.1}), order=())}, "began"),
        ({"contestants": ()}, "began with"),
    ],
)
def test_a_race_goes_on_as_it_began(change, said):
    was = manifest()
    check_race(was, was, "runs/x")
    with pytest.raises(InputError, match=said):
        check_race(was, was.model_copy(update=change), "runs/x")
    with pytest.raises(InputError, match="no race"):
        check_race(was.model_copy(update={"race": None}), was, "runs/x")
