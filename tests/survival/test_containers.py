"""Containers that are killed, starved of memory, or somebody else's."""

import docker

from arena.rundir.ledger import TrialBegin, TrialEnd
from tests.survival.rig import Endpoint, Run, check_money, check_whole, write_bakeoff

EATS = "python3 -c \"x = b'x' * (1 << 30)\"; echo ended with $?"
EATER = "echo 'x = b\"x\" * (1 << 30)' >> calc/__init__.py"
FIX = "sed -i 's/a - b/a + b/' calc/__init__.py"


def test_a_container_killed_from_outside_costs_a_try(tmp_path):
    with Endpoint(steps=("sleep 2", FIX)) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=2)
        run = Run(tmp_path)
        process = run.start()
        client = docker.from_env()

        def boxes():
            return client.containers.list(filters={"label": "arena.trial=bench.add-00--a--1"})

        run.wait(lambda: endpoint.served and boxes(), process)
        boxes()[0].kill()
        client.close()
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        faults = [
            e.record.fault for e in run.events() if isinstance(e, TrialEnd) and e.record.fault
        ]
        assert [fault.kind for fault in faults] == ["engine"]
        assert "ended from outside" in faults[0].message
        check_whole(run)
        check_money(run, endpoint)


def test_an_agent_out_of_memory_goes_on(tmp_path):
    with Endpoint(steps=(EATS, FIX)) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=1)
        run = Run(tmp_path)
        ended = run.finish()
        assert ended.code == 0, ended.err
        told = endpoint.requests[-1].messages
        assert any("ended with 137" in str(message.get("content")) for message in told)
        check_whole(run)


def test_tests_out_of_memory_are_the_patch_s_doing(tmp_path):
    with Endpoint(steps=(FIX, EATER)) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=1)
        run = Run(tmp_path)
        ended = run.finish()
    assert ended.code == 0, ended.err
    (row,) = run.results().trials
    assert (row.verdict, row.fault, row.tries) == ("resource", None, 1)
    assert "memory" in row.reason


def test_two_runs_and_a_third_that_reaps_leave_each_other_alone(tmp_path):
    """The third starts over and over, each time removing what dead runs left, while two work."""
    with Endpoint() as endpoint:
        runs = []
        for name in ("one", "two", "three"):
            folder = tmp_path / name
            folder.mkdir()
            write_bakeoff(folder, endpoint.base_url, tasks=1, attempts=4)
            runs.append(Run(folder))
        working = [run.start() for run in runs[:2]]
        for _ in range(2):
            dying = runs[2].start()
            begun = runs[2].count(TrialBegin)
            runs[2].wait(lambda begun=begun: runs[2].count(TrialBegin) > begun, dying)
            dying.kill()
            dying.communicate()
        ended = runs[2].finish()
        assert ended.code == 0, ended.err
        for process in working:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
        for run in runs:
            check_whole(run)
            ends = [e.record for e in run.events() if isinstance(e, TrialEnd)]
            assert all(record.fault is None for record in ends)
