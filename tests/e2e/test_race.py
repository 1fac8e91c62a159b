"""A race on real containers: fewer trials, the same end after kill -9, and a report that says so."""

import json
import time

import pytest

from arena.rundir.directory import RunDir
from arena.rundir.ledger import TrialEnd, read
from tests.benchmarks import job
from tests.e2e.rig import arena, bakeoff, contestant, start
from tests.servers.openai_stub import Stub, call

PRICE = {"input": 2.0, "cached_input": 0.5, "output": 8.0}
RACE = """
strict = false
limits = { usd = 0.5 }
[race]
goal = "best_value"
value_usd = 5
alpha = 0.4
[sandbox]
memory_mb = 256
"""
TASKS = 16


def fixes(request):
    if request.turn:
        return call("submit")
    return call("bash", command="sed -i 's/a - b/a + b/' calc/__init__.py")


def gives_up(request):
    return call("submit")


@pytest.fixture
def racing(tmp_path):
    job.write_pack(tmp_path / "bench", TASKS)
    with Stub(fixes) as good, Stub(gives_up) as bad:
        who = [
            contestant("good", good.base_url, price=PRICE),
            contestant("bad", bad.base_url, price=PRICE),
        ]
        bakeoff(tmp_path, who, tasks=["./bench"], more=RACE)
        yield tmp_path


def ended(folder):
    events = read(RunDir(folder / "runs/test").ledger_path)
    return [e.record for e in events if isinstance(e, TrialEnd)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_race_stops_early_goes_on_after_a_kill_and_says_what_it_was(racing):
    process = start("run", "bakeoff.toml", "--race", cwd=racing)
    while len(ended(racing)) < 4:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert arena("run", "bakeoff.toml", cwd=racing).code == 2
    done = arena("run", "bakeoff.toml", "--race", cwd=racing)
    assert done.code == 0, done.err
    kept = ended(racing)
    assert len({r.id for r in kept}) == len(kept) < TASKS * 2
    manifest = json.loads((racing / "runs/test/manifest.json").read_text())
    order = manifest["race"]["order"]
    assert {r.task_id for r in kept} == set(order[: len({r.task_id for r in kept})])
    page = (racing / "runs/test/report/index.html").read_text()
    assert "This was a race" in page
    assert "good" in done.err
    assert arena("gate", "runs/test", "--baseline", "runs/test", cwd=racing).code == 2
    for asked in (("recommend", "runs/test"), ("compare", "runs/test", "good", "bad")):
        refused = arena(*asked, cwd=racing)
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "it was a race" in refused.err
