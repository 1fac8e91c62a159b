"""A run's plan made smaller: said in the manifest, followed by reports and by what goes on."""

import pytest

from arena.report.caveats import notes
from arena.report.scored import score
from arena.run import resume
from arena.rundir.directory import RunDir, trial_specs
from arena.score.load import load, resume_state
from tests.benchmarks import ledgers


def narrowed(old, *, narrows="attempts", tasks=None, contestants=None, attempts=None):
    """The manifest with which a run goes on that asks for less, and what was said of it."""
    asked = old.model_copy(
        update={
            "tasks": old.tasks[:tasks],
            "contestants": old.contestants[:contestants],
            "attempts": attempts or old.attempts,
        }
    )
    said = []
    made = resume.continued(old, asked, where="out", say=said.append, narrows=narrows)
    return made, said


@pytest.fixture
def run(tmp_path):
    """Three tasks, two contestants, two attempts: every trial done."""
    made = ledgers.manifest(3, 2, 2)
    ledgers.write(tmp_path / "run", made)
    return tmp_path / "run", made


@pytest.mark.parametrize(
    ("less", "left", "says"),
    [
        ({"attempts": 1}, 6, "narrowed from 2 attempts at each task to 1"),
        ({"tasks": 1, "narrows": "everything"}, 4, "narrowed: big/task-00001, big/task-00002 left"),
        ({"contestants": 1, "narrows": "everything"}, 6, "narrowed: c1 left out"),
    ],
)
def test_reports_follow_a_narrowed_plan_and_money_is_not_forgotten(run, less, left, says):
    path, old = run
    whole = load(path)
    made, said = narrowed(old, **less)
    assert len(said) == 1
    assert said[0].startswith(says)
    RunDir(path).write_manifest(made)
    results = load(path)
    assert len(results.trials) == left
    assert all(row.verdict for row in results.trials)
    assert len(results.left_out) == 12 - left
    assert {row.id for row in (*results.trials, *results.left_out)} == {t.id for t in whole.trials}
    told = [note for note in notes(score(results)) if "narrowed after the start" in note]
    assert f"{12 - left} trials that had begun, $" in told[0]
    before = {c: s.usd for c, s in resume_state(RunDir(path), old).spent.items()}
    assert {c: s.usd for c, s in resume_state(RunDir(path), made).spent.items()} == before


def test_a_part_of_a_run_is_no_smaller_run(run):
    """--task and --contestant choose what to run now; all else stays planned."""
    _, old = run
    made, said = narrowed(old, tasks=1, contestants=1)
    assert not said
    assert list(trial_specs(made)) == list(trial_specs(old))


def test_what_was_left_out_comes_back_when_it_is_asked_for(run):
    path, old = run
    less, _ = narrowed(old, tasks=1, contestants=1, attempts=1, narrows="everything")
    assert len(list(trial_specs(less))) == 1
    again = resume.continued(less, old, where="out", say=pytest.fail, narrows="attempts")
    RunDir(path).write_manifest(again)
    results = load(path)
    assert len(results.trials) == 12
    assert not results.left_out
    assert all(row.verdict for row in results.trials)


def test_a_pilot_leaves_the_attempts_of_a_run_alone(run):
    _, old = run
    made, said = narrowed(old, attempts=1, narrows="nothing")
    assert made.attempts == 2
    assert not said
