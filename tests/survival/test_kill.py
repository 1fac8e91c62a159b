"""kill -9 at any moment: nothing is lost, counted twice, or left behind."""

import random
import time

import pytest

from arena.rundir.ledger import CallBeginEvent, CallEndEvent, SessionBegin, TrialBegin, TrialEnd
from tests.survival.rig import (
    Endpoint,
    Run,
    check_money,
    check_whole,
    existing,
    volumes_of,
    write_bakeoff,
)

KILLS = 10
AIMS = ("call", "exec", "grading", "anything", "starting up")
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]


def moments(run: Run) -> set[str]:
    """What is going on in the session that began last."""
    begun: dict[str, int] = {}
    calls: dict[str, str] = {}
    for event in run.events():
        match event:
            case SessionBegin():
                begun, calls = {}, {}
            case TrialBegin(spec=spec, try_number=number):
                begun[spec.id] = number
            case TrialEnd(record=record):
                begun.pop(record.id)
            case CallBeginEvent(call=begin):
                calls[begin.call_id] = begin.trial_id
            case CallEndEvent(call=end):
                calls.pop(end.call_id)
    found = set()
    for trial_id in begun:
        graded = (run.path / "trials" / trial_id / "patch.diff").exists()
        found.add("call" if trial_id in calls.values() else "grading" if graded else "exec")
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_killed_ten_times(tmp_path, seed):
    draw = random.Random(seed)
    volumes: set[str] = set()
    with Endpoint(lambda: draw.uniform(0, 0.3)) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, attempts=12)
        run = Run(tmp_path, "--concurrency", "3")
        for number in range(KILLS):
            aim = AIMS[number % len(AIMS)]
            begun = run.count(SessionBegin)
            process = run.start()
            if aim != "starting up":
                run.wait(lambda begun=begun: run.count(SessionBegin) > begun, process)
            if aim in AIMS[:3]:
                run.wait(lambda aim=aim: aim in moments(run), process)
            time.sleep(draw.uniform(0, 0.3 if aim in AIMS[:3] else 1.5))
            process.kill()
            assert process.wait() == -9, process.communicate()[1]
            process.communicate()
            volumes |= volumes_of(run.run_id)
        ended = run.finish()
        assert ended.code == 0, ended.err
        check_whole(run)
        check_money(run, endpoint)
        assert not existing(volumes)
    assert len(run.results().trials) == 24
