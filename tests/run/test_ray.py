"""Whole runs on a real Ray cluster of several nodes, started here."""

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from arena.rundir.ledger import CallBeginEvent, CallEndEvent, TrialBegin, TrialEnd, read
from tests.agent.rig import AGENTS, TASK, Hand, no_key_in, profile
from tests.agent.rig import contestant as outside
from tests.agent.rig import solver as fixer
from tests.benchmarks.job import write_pack
from tests.e2e.rig import CANARY, arena, bakeoff, contestant, control, ours, run_id, start
from tests.e2e.test_race import TASKS as RACED
from tests.e2e.test_race import ended as raced
from tests.e2e.test_race import racing  # noqa: F401  a fixture
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import Stub, call, fault

TASKS = ["./bench/add-00", "./bench/add-01"]
SMALL = {"num_cpus": 1, "object_store_memory": 78_643_200}


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
    made.second = made.add_node(**SMALL)
    yield made
    made.shutdown()


@pytest.fixture
def here(tmp_path):
    """A folder with a pack of small tasks."""
    write_pack(tmp_path / "bench")
    return tmp_path


def solver(request):
    """Fixes the one task and leaves the other as it is, the same whatever the order."""
    if request.turn == 0:
        return call("bash", command="cat calc/__init__.py")
    if request.turn == 1 and "(0)" in json.dumps(request.messages[1]):
        return call("bash", command="sed -i 's/a - b/a + b/' calc/__init__.py")
    return call("submit")


def on(cluster):
    return ["--executor", "ray", "--address", cluster.address]


def events(run):
    return list(read(run / "ledger.jsonl"))


def outcomes(run):
    """What a trial came to, without what differs from day to day."""
    fields = ("verdict", "stop", "steps", "mistakes", "patch_sha256", "digest", "try_number")
    return {
        event.record.id: [str(getattr(event.record, name)) for name in fields]
        for event in events(run)
        if isinstance(event, TrialEnd)
    }


def usages(run):
    ends = [event.call for event in events(run) if isinstance(event, CallEndEvent)]
    return sorted((c.trial_id, c.usage.prompt, c.usage.output) for c in ends)


def test_results_equal_those_of_this_machine(cluster, here):
    ledgers, late, before = {}, [], 0

    def watching(request):
        path = here / "runs" / "test" / "ledger.jsonl"
        begun = path.read_text().count('"call_begin"')
        if begun < len(stub.requests) - before:
            late.append(request)
        return solver(request)

    with Stub(watching) as stub:
        asked = [
            contestant("solver", stub.base_url, api_key_env="THE_KEY"),
            control("nop"),
            control("oracle"),
        ]
        bakeoff(here, asked, tasks=TASKS)
        for name, where in {"ray": on(cluster), "local": []}.items():
            ended = arena("run", "bakeoff.toml", *where, cwd=here, THE_KEY=CANARY)
            assert ended.code == 0, ended.err
            before = len(stub.requests)
            ledgers[name] = (here / "runs" / "test").rename(here / name)
            ledgers[name].joinpath("../runs").mkdir(exist_ok=True)
    assert late == []
    assert {r.headers["authorization"] for r in stub.requests} == {f"Bearer {CANARY}"}
    ray, local = ledgers["ray"], ledgers["local"]
    assert len(outcomes(local)) == 6
    assert outcomes(ray) == outcomes(local)
    assert usages(ray) == usages(local)
    files = [
        sorted(p.relative_to(run / "trials") for p in (run / "trials").rglob("*"))
        for run in (ray, local)
    ]
    assert files[0] == files[1]
    assert ours(run_id(ray)) == []
    leaky = [ray, Path(cluster.head_node.get_session_dir_path())]
    for path in (p for folder in leaky for p in folder.rglob("*")):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def wait_for(process, what, timeout_s=120):
    deadline = time.monotonic() + timeout_s
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def leases(run):
    """Of all containers of a run that are there now."""
    if not (run / "manifest.json").exists():
        return set()
    return {box["Labels"]["arena.engine"] for box in ours(run_id(run))}


def holder(node):
    """The process that holds our object on a node."""
    raylet = node.all_processes["raylet"][0].process.pid
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            title = status.with_name("cmdline").read_text()
            if parent == raylet and title.startswith("ray::NodeHost"):
                return int(status.parent.name)
    raise AssertionError("no object of ours there")


@pytest.mark.parametrize("what", ["node", "process"])
def test_what_is_killed_in_the_middle_loses_nothing(cluster, here, what):
    run, gate = here / "runs" / "test", threading.Event()

    def held(request):
        assert gate.wait(200)
        return solver(request)

    with Stub(held) as stub:
        bakeoff(here, [contestant("solver", stub.base_url)], tasks=TASKS, attempts=3)
        flags = ["--concurrency", "4", "--format", "json"]
        process = start("run", "bakeoff.toml", *flags, *on(cluster), cwd=here)
        wait_for(process, lambda: len(stub.requests) == 4)
        before = leases(run)
        assert len(before) == 2
        if what == "process":
            os.kill(holder(cluster.second), signal.SIGKILL)
        else:
            cluster.remove_node(cluster.second, allow_graceful=False)
        wait_for(process, lambda: len(leases(run) & before) == 1)
        gate.set()
        if what == "node":
            cluster.second = cluster.add_node(**SMALL)
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "is given up" in err
    happened = events(run)
    begun = [event.spec.id for event in happened if isinstance(event, TrialBegin)]
    ends = [event.record for event in happened if isinstance(event, TrialEnd)]
    lost = [record for record in ends if record.fault]
    assert {(record.fault.kind, record.try_number) for record in lost} == {("engine", 1)}
    assert sorted(r.id for r in ends if r.verdict) == sorted(set(begun))
    assert len(set(begun)) == 6
    assert len(begun) == 6 + len(lost)
    announced = {e.call.call_id: e.call for e in happened if isinstance(e, CallBeginEvent)}
    settled = {e.call.call_id: e.call for e in happened if isinstance(e, CallEndEvent)}
    unsettled = [announced[call_id].trial_id for call_id in announced.keys() - settled.keys()]
    assert sorted(unsettled) == sorted(record.id for record in lost)
    served = Counter(s.usage["prompt_tokens"] for s in stub.served)
    assert Counter(c.usage.prompt for c in settled.values()) <= served
    assert json.loads(out)["contestants"][0]["scored"] == 6
    assert ours(run_id(run)) == []


def test_a_killed_run_goes_on_where_it_was(cluster, here):
    run, gate = here / "runs" / "test", threading.Event()

    def held(request):
        assert request.turn == 0 or gate.wait(200)
        return solver(request)

    with Stub(held) as stub:
        bakeoff(here, [contestant("solver", stub.base_url), control("nop")], tasks=TASKS)
        process = start("run", "bakeoff.toml", *on(cluster), cwd=here)
        wait_for(process, lambda: len(stub.requests) == 4)
        process.kill()
        process.communicate()
        gate.set()
        ended = arena("run", "bakeoff.toml", *on(cluster), cwd=here)
    assert ended.code == 0, ended.err
    ends = [event.record for event in events(run) if isinstance(event, TrialEnd)]
    assert sorted(record.id for record in ends) == sorted({record.id for record in ends})
    assert len(ends) == 4
    announced = [e.call.call_id for e in events(run) if isinstance(e, CallBeginEvent)]
    settled = [e.call.call_id for e in events(run) if isinstance(e, CallEndEvent)]
    assert len(announced) == len(settled) + 2
    assert ours(run_id(run)) == []


def test_rate_limits_and_budgets_hold_for_all_nodes_together(cluster, here):
    with Stub(solver) as stub:
        one_at_a_time = contestant("solver", stub.base_url, max_concurrency=1)
        budget = "[limits]\ntokens = 3000\noutput_tokens = 500\n[budget]\ntokens = 9000"
        bakeoff(here, [one_at_a_time], tasks=TASKS, attempts=6, more=budget)
        ended = arena("run", "bakeoff.toml", "--concurrency", "4", *on(cluster), cwd=here)
    assert ended.code == 3, ended.err
    assert (
        "what is left of the tokens budget of the run is less than one trial may spend" in ended.err
    )
    assert stub.peak_in_flight == 1
    spent = sum(s.usage["total_tokens"] for s in stub.served)
    assert 5_000 < spent <= 9_000


def test_a_node_without_an_engine_is_not_used(cluster, here):
    bare = cluster.add_node(**SMALL, env_vars={"DOCKER_HOST": "unix:///nowhere.sock"})
    bakeoff(here, [control("oracle")], tasks=TASKS)
    # The machine that starts the run needs none either.
    nowhere = "unix:///nowhere-at-all.sock"
    ended = arena("run", "bakeoff.toml", *on(cluster), cwd=here, DOCKER_HOST=nowhere)
    cluster.remove_node(bare)
    assert ended.code == 0, ended.err
    assert "is not used: no container engine answers at unix:///nowhere.sock" in ended.err
    assert "2 of 3 nodes are ready" in ended.err


@pytest.mark.slow
def test_an_agent_that_is_a_program_runs_on_nodes(cluster, here):
    profile(here)
    with ManyStub(fixer(Hand("bash"))) as stub:
        bakeoff(here, [outside("one", "own", stub)], tasks=[TASK], attempts=4, more=AGENTS)
        flags = ["--concurrency", "4", "--format", "json"]
        ended = arena("run", "bakeoff.toml", *flags, *on(cluster), cwd=here, THE_KEY=CANARY)
    assert ended.code == 0, ended.err
    assert [trial["verdict"] for trial in ended.json["trials"]] == ["passed"] * 4
    tokens = ended.json["contestants"][0]["tokens"]
    assert (tokens["input"], tokens["output"]) == stub.told
    no_key_in(stub, here / "runs" / "test")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_race_on_nodes_ends_before_the_matrix_does(cluster, racing):  # noqa: F811
    done = arena("run", "bakeoff.toml", "--race", "--concurrency", "2", *on(cluster), cwd=racing)
    assert done.code == 0, done.err
    kept = raced(racing)
    assert len({record.id for record in kept}) == len(kept) < 2 * RACED
    order = json.loads((racing / "runs/test/manifest.json").read_text())["race"]["order"]
    assert {r.task_id for r in kept} == set(order[: len({r.task_id for r in kept})])
    assert "good" in done.err
    assert ours(run_id(racing / "runs" / "test")) == []


def test_an_interrupt_ends_every_node_at_once(cluster, here):
    with Stub(lambda _: fault("hang")) as stub:
        bakeoff(here, [contestant("a", stub.base_url)], tasks=TASKS)
        process = start("run", "bakeoff.toml", *on(cluster), cwd=here)
        wait_for(process, lambda: len(stub.requests) == 2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in err
    assert "given up" not in err
    assert ours(run_id(here / "runs" / "test")) == []


BAD = [
    (["--executor", "ray", "--address", "nonsense"], "is not host:port"),
    (["--executor", "ray", "--address", "127.0.0.1:1"], "nobody answers"),
    (["--address", "127.0.0.1:1"], "address goes with executor 'ray'"),
]


def refused(here, *flags, **env):
    with Stub(solver) as stub:
        bakeoff(here, [contestant("a", stub.base_url)], tasks=TASKS[:1])
        ended = arena("run", "bakeoff.toml", *flags, cwd=here, **env)
    assert ended.code == 2
    assert ended.err.count("\n") == 1, ended.err
    return ended.err


@pytest.mark.parametrize(("flags", "says"), BAD)
def test_a_bad_address_is_one_line(here, flags, says):
    assert says in refused(here, *flags)


def test_without_ray_the_line_says_what_to_install(here):
    (here / "hidden" / "ray").mkdir(parents=True)
    (here / "hidden" / "ray" / "__init__.py").write_text(
        "raise ModuleNotFoundError('no ray', name='ray')"
    )
    line = refused(here, "--executor", "ray", PYTHONPATH=str(here / "hidden"))
    assert "pip install 'arena-bakeoff[ray]'" in line
