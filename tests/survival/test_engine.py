"""An engine that is restarted, killed, gone, or out of room, while a run goes on."""

import re
import signal
import time

import pytest

from arena.rundir.ledger import TrialBegin, TrialEnd
from tests.survival.engines import own_engine
from tests.survival.rig import (
    ONE_TRIAL,
    Endpoint,
    Run,
    check_money,
    check_whole,
    fill_disk,
    write_bakeoff,
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_an_engine_that_is_restarted_costs_tries(tmp_path, engine, any_task, how):
    one_ends = 2 * ONE_TRIAL - 1  # of two at a time, however they share these replies
    with own_engine(any_task, engine) as own, Endpoint(free=one_ends) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=2, attempts=2)
        run = Run(tmp_path, "--concurrency", "2", **own.env)
        process = run.start()
        run.wait(lambda: run.count(TrialBegin) >= 3, process)
        own.stop(how)
        endpoint.release()
        time.sleep(4)
        own.start()
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        faults = [
            e.record.fault for e in run.events() if isinstance(e, TrialEnd) and e.record.fault
        ]
        assert faults
        assert {fault.kind for fault in faults} == {"engine"}
        assert "waiting for the engine up to" in err
        check_whole(run, own.host)
        check_money(run, endpoint)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_engine_that_stays_away_stops_the_run(tmp_path, engine, any_task):
    with own_engine(any_task, engine) as own, Endpoint(free=ONE_TRIAL) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=2, attempts=2)
        run = Run(tmp_path, "--concurrency", "1", **own.env)
        process = run.start()
        run.wait(lambda: run.count(TrialEnd) >= 1, process)
        own.stop()
        endpoint.release()
        _, err = process.communicate(timeout=300)
        assert process.returncode == 3, err
        last = err.strip().splitlines()[-1]
        assert re.match(r"arena: fault \(engine\): no container engine answers at unix://", last)
        own.start()
        ended = run.finish()
        assert ended.code == 0, ended.err
        check_whole(run, own.host)
        check_money(run, endpoint)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_image_store_is_no_contestants_failure(tmp_path, engine, any_task):
    """What fails while there is no room is run again, and the run stops when that does not help."""
    with own_engine(any_task, engine, room="700m") as own, Endpoint(lambda: 0.1) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=8, attempts=1)
        run = Run(tmp_path, **own.env)
        process = run.start()
        run.wait(lambda: run.count(TrialEnd) >= 1, process)
        ballast = fill_disk(own.data)
        _, err = process.communicate(timeout=240)
        assert process.returncode == 3, err
        last = err.strip().splitlines()[-1]
        assert re.search(r"the engine's disk is full; free some with 'arena sandboxes prune'", last)
        ended = [e.record for e in run.events() if isinstance(e, TrialEnd)]
        assert {record.verdict for record in ended} == {"passed", None}
        assert {record.fault.kind for record in ended if record.fault} == {"engine"}
        ballast.unlink()
        again = run.finish()
        assert again.code == 0, again.err
        check_whole(run, own.host)
        check_money(run, endpoint)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_agent_that_fills_the_engines_disk_past_its_limit_is_graded(tmp_path, engine, any_task):
    """Its own doing: the room that it took is there again once its container is gone."""
    fill = "cat /dev/zero >/home/agent/big; sleep 60"
    fix = "sed -i 's/a - b/a + b/' calc/__init__.py"
    steps = ("sleep 5", fix, fill)
    with own_engine(any_task, engine, room="700m") as own, Endpoint(steps=steps) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=2, more="disk_mb = 64")
        run = Run(tmp_path, "--concurrency", "1", **own.env)
        process = run.start()
        run.wait(lambda: run.count(TrialBegin) == 1, process)  # an image wants more room than this
        fill_disk(own.data, leave=160 << 20)
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        records = [e.record for e in run.events() if isinstance(e, TrialEnd)]
        seen = [(record.stop, record.verdict, record.fault) for record in records]
        assert seen == [("container_ended", "passed", None)] * 2
        check_whole(run, own.host)
        check_money(run, endpoint)
