import json
import os
import re
import signal
import subprocess
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.rig import (
    CANARY,
    arena,
    bakeoff,
    contestant,
    control,
    gold_command,
    ours,
    run_id,
    start,
)
from tests.servers.openai_stub import Answer, Request, Stub, call, error, fault, text

TASKS = ("core/interval-merge", "core/text-wrap")
PRICE = {"input": 2.0, "cached_input": 0.5, "output": 8.0}


def solver(request: Request):
    """Looks, applies the fix of the first task only, and submits."""
    if request.turn == 0:
        return call("bash", command="git status --short && ls")
    if request.turn == 1:
        if "slotbook" in json.dumps(request.messages):
            return call("bash", command=gold_command(TASKS[0]))
        return call("bash", command="echo nothing to do")
    return call("submit")


def quitter(request: Request):
    return text("I would rather not.")


@pytest.fixture
def solver_stub():
    with Stub(solver) as stub:
        yield stub


def test_a_whole_bakeoff(tmp_path, solver_stub):
    with Stub(quitter) as lazy:
        bakeoff(
            tmp_path,
            [
                control("oracle"),
                control("nop"),
                contestant("solver", solver_stub.base_url, price=PRICE, api_key_env="THE_KEY"),
                contestant("quitter", lazy.base_url),
            ],
            tasks=TASKS,
        )
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path, THE_KEY=CANARY)
    assert ended.code == 0, ended.err
    report = ended.json
    assert report["run"] == "test"
    rows = {row["name"]: row for row in report["contestants"]}
    assert rows["oracle"]["passed"] == 2
    assert rows["nop"]["passed"] == 0
    assert rows["solver"]["passed"] == 1
    assert rows["solver"]["failed"] == 1
    assert rows["quitter"]["passed"] == 0
    trials = {(t["task"], t["contestant"]): t for t in report["trials"]}
    assert trials[TASKS[0], "solver"]["verdict"] == "passed"
    assert trials[TASKS[1], "solver"]["verdict"] == "no_patch"
    assert trials[TASKS[0], "quitter"]["stop"] == "gave_up"

    served_in = sum(s.usage["prompt_tokens"] for s in solver_stub.served)
    served_out = sum(s.usage["completion_tokens"] for s in solver_stub.served)
    assert rows["solver"]["tokens"]["input"] == served_in
    assert rows["solver"]["tokens"]["output"] == served_out
    exact = Decimal(served_in * 2 + served_out * 8) / 1_000_000
    assert Decimal(str(rows["solver"]["cost_usd"])) == pytest.approx(exact, rel=Decimal("1e-9"))
    assert rows["solver"]["cost_status"] == "known"
    assert rows["solver"]["cost_no_cache_usd"] == pytest.approx(float(exact))
    assert rows["solver"]["cost_standard_usd"] < rows["solver"]["cost_usd"]
    assert rows["quitter"]["cost_usd"] is None
    assert rows["quitter"]["cost_status"] == "unknown"

    run = tmp_path / "runs" / "test"
    assert (run / "report" / "index.html").is_file()
    assert ours(run_id(run)) == []
    for file in run.rglob("*"):
        assert file.is_dir() or CANARY not in file.read_text(errors="replace"), file
    assert CANARY not in ended.out + ended.err
    sent = {r.headers.get("authorization") for r in solver_stub.requests if r.raw}
    assert f"Bearer {CANARY}" in sent

    # Nothing is left to do: the same command finishes at once and changes no verdict.
    before = (run / "ledger.jsonl").stat().st_size
    again = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path, THE_KEY=CANARY)
    assert again.code == 2  # the lazy endpoint is gone
    with Stub(quitter) as other:
        bakeoff(
            tmp_path,
            [contestant("solver", other.base_url, price=PRICE, api_key_env="THE_KEY")],
            tasks=TASKS,
        )
        changed = arena("run", "bakeoff.toml", cwd=tmp_path, THE_KEY=CANARY)
    assert changed.code == 2
    assert "contestant solver" in changed.err
    assert (run / "ledger.jsonl").stat().st_size == before


def test_added_attempts_and_contestants_continue(tmp_path, solver_stub):
    only = [contestant("solver", solver_stub.base_url)]
    bakeoff(tmp_path, only, tasks=TASKS[:1])
    assert arena("run", "bakeoff.toml", cwd=tmp_path).code == 0
    bakeoff(tmp_path, [*only, control("nop")], tasks=TASKS[:1], attempts=2)
    ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert len(ended.json["trials"]) == 4
    assert len([s for s in solver_stub.requests if s.turn == 0 and s.raw]) == 2


def slow(request: Request):
    time.sleep(0.4)
    return solver(request)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_cut_short_is_resumed(tmp_path, how):
    with Stub(slow) as stub:
        bakeoff(
            tmp_path, [contestant("solver", stub.base_url, price=PRICE)], tasks=TASKS, attempts=3
        )
        process = start("run", "bakeoff.toml", "--concurrency", "2", cwd=tmp_path)
        ledger = tmp_path / "runs" / "test" / "ledger.jsonl"
        for _ in range(600):
            if ledger.exists() and ledger.read_text().count('"trial_end"') >= 2:
                break
            time.sleep(0.1)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
        if how == signal.SIGINT:
            assert process.returncode == 130, err
            assert "run the same command again" in err
            assert "Traceback" not in err
            assert ours(run_id(tmp_path / "runs" / "test")) == []
        done = ledger.read_text().count('"trial_end"')
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path)
        assert ended.code == 0, ended.err
        report = ended.json
        assert len(report["trials"]) == 6
        assert all(t["verdict"] in {"passed", "no_patch"} for t in report["trials"])
        assert [t["verdict"] for t in report["trials"]].count("passed") == 3
        ends = re.findall(r'"trial_end".*?"id":"([^"]+)"', ledger.read_text())
        assert len(ends) == len(set(ends)) == 6
        assert done >= 2
        assert ours(run_id(tmp_path / "runs" / "test")) == []
        served = sum(s.usage["prompt_tokens"] for s in stub.served)
        settled = report["contestants"][0]["tokens"]["input"]
        assert settled <= served


def test_an_interrupt_does_not_wait_for_a_reply(tmp_path):
    with Stub(lambda _: fault("hang")) as stub:
        bakeoff(tmp_path, [contestant("a", stub.base_url)], tasks=TASKS[:1])
        process = start("run", "bakeoff.toml", cwd=tmp_path)
        for _ in range(600):
            if any(request.raw for request in stub.requests):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run the same command again" in err
    assert ours(run_id(tmp_path / "runs" / "test")) == []


def test_a_wrong_key_stops_that_contestant_alone(tmp_path, solver_stub):
    # Long enough for a cut to fall inside the key.
    body = {"error": {"message": "x" * 478 + f" {CANARY}", "code": "invalid_api_key"}}
    with Stub(lambda _: error(401, body)) as no:
        bakeoff(
            tmp_path,
            [
                contestant("locked", no.base_url, api_key_env="THE_KEY"),
                contestant("solver", solver_stub.base_url),
            ],
            tasks=TASKS,
        )
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path, THE_KEY=CANARY)
    assert ended.code == 3
    rows = {row["name"]: row for row in ended.json["contestants"]}
    assert rows["locked"]["scored"] == 0
    assert rows["locked"]["pass_rate"] is None
    assert rows["solver"]["scored"] == 2
    assert CANARY[:10] not in ended.out + ended.err
    for file in (tmp_path / "runs").rglob("*"):
        assert file.is_dir() or CANARY[:10] not in file.read_text(errors="replace"), file


BAD = [
    (["run", "none.toml"], {}, ["none.toml", "no such file"]),
    (["run", "bakeoff.toml", "--task", "core/nothing"], {}, ["nothing"]),
    (["run", "bakeoff.toml", "--contestant", "slover"], {}, ["solver"]),
    (["report", "nowhere"], {}, ["nowhere", "no run here"]),
    (["tasks", "list", "cor"], {}, ["cor"]),
    (["power", "8", "--gap", "2"], {}, ["--gap"]),
    (["sandboxes", "list"], {"DOCKER_HOST": "unix:///nowhere"}, ["no container engine"]),
]


@pytest.mark.parametrize(("args", "env", "says"), BAD)
def test_bad_input_is_one_line(tmp_path, solver_stub, args, env, says):
    bakeoff(tmp_path, [contestant("solver", solver_stub.base_url)], tasks=TASKS)
    ended = arena(*args, cwd=tmp_path, **env)
    assert ended.code == 2
    assert ended.err.count("\n") == 1, ended.err
    for word in says:
        assert word in ended.err
    assert not (tmp_path / "runs").exists()


def refused(tmp_path: Path, backend: str, **env: str) -> str:
    bakeoff(tmp_path, [backend], tasks=TASKS[:1])
    ended = arena("run", "bakeoff.toml", cwd=tmp_path, **env)
    assert ended.code == 2
    assert ended.err.count("\n") == 1, ended.err
    return ended.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"backend": "deepseek/deepseek-v9"}, ["contestant 'a'", "deepseek-v9"]),
        ({"backend": "anthropic/claude-3-7-sonnet"}, ["contestant 'a'", "openrouter/anthropic"]),
        ({"params": {"protocoll": "text"}}, ["contestant 'a'", "protocoll"]),
        ({"agent": "shel"}, ["contestant 'a'", "shell"]),
        ({"backend": "deepseek/deepseek-v4-pro"}, ["DEEPSEEK_API_KEY is not set"]),
    ],
    ids=["model", "retired", "params", "agent", "key"],
)
def test_what_is_wrong_with_a_contestant_names_file_and_contestant(tmp_path, change, says):
    table = {"name": "a", "backend": "openai/gpt-5.1", **change}
    lines = [f"{key} = {_toml(value)}" for key, value in table.items()]
    line = refused(tmp_path, "[[contestant]]\n" + "\n".join(lines))
    for word in ("arena: bakeoff.toml: ", *says):
        assert word in line


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def test_a_missing_task_names_file_and_key(tmp_path):
    bakeoff(tmp_path, [control("nop")], tasks=["core/nothing"])
    ended = arena("run", "bakeoff.toml", cwd=tmp_path)
    assert ended.code == 2
    assert "bakeoff.toml: tasks: " in ended.err


def test_a_plan_shows_what_is_retired_and_which_key_is_missing(tmp_path):
    old = '[[contestant]]\nname = "old"\nbackend = "anthropic/claude-3-7-sonnet"\n'
    bakeoff(tmp_path, [old], tasks=TASKS[:1])
    (shown,) = arena("plan", "bakeoff.toml", "--format", "json", cwd=tmp_path).json["contestants"]
    assert shown["missing_key"] == "ANTHROPIC_API_KEY"
    assert "other routes: openrouter/anthropic/claude-3.7-sonnet" in shown["problems"][0]


def test_an_endpoint_that_is_not_there(tmp_path):
    assert "cannot be reached" in refused(tmp_path, contestant("a", "http://127.0.0.1:9/v1"))


def test_an_address_that_is_no_api(tmp_path):
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        line = refused(tmp_path, contestant("a", f"http://127.0.0.1:{server.server_port}/v1"))
    finally:
        server.shutdown()
    assert "not an API" in line


def test_a_missing_key(tmp_path, solver_stub):
    line = refused(tmp_path, contestant("a", solver_stub.base_url, api_key_env="NO_SUCH_KEY_SET"))
    assert "NO_SUCH_KEY_SET is not set" in line


def test_no_engine(tmp_path, solver_stub):
    line = refused(
        tmp_path,
        contestant("a", solver_stub.base_url),
        DOCKER_HOST=f"unix://{tmp_path}/no-engine.sock",
    )
    assert "no-engine.sock" in line
    assert "start Docker" in line


def test_a_usd_limit_needs_a_price(tmp_path, solver_stub):
    bakeoff(
        tmp_path,
        [contestant("a", solver_stub.base_url)],
        tasks=TASKS[:1],
        more="[limits]\nusd = 1.5\n",
    )
    ended = arena("run", "bakeoff.toml", cwd=tmp_path)
    assert ended.code == 2
    assert "price is unknown" in ended.err


def test_arguments_that_nobody_can_read_are_the_models_mistake(tmp_path):
    deep = {"id": "c", "type": "function"}
    deep["function"] = {"name": "bash", "arguments": '{"command":' * 100_000}
    message = {"role": "assistant", "content": None, "tool_calls": [deep]}

    def script(request: Request) -> Answer:
        if request.turn:
            return call("submit")
        return Answer(message=message, finish_reason="tool_calls")

    with Stub(script) as stub:
        bakeoff(tmp_path, [contestant("a", stub.base_url)], tasks=TASKS[:1])
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    (trial,) = ended.json["trials"]
    assert (trial["verdict"], trial["fault"], trial["steps"]) == ("no_patch", None, 2)


def test_a_broken_ledger_line_is_named(tmp_path, solver_stub):
    bakeoff(tmp_path, [control("nop")], tasks=TASKS[:1])
    assert arena("run", "bakeoff.toml", cwd=tmp_path).code == 0
    ledger = tmp_path / "runs" / "test" / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text(lines[0] + "{broken\n" + "".join(lines[1:]))
    for args in (["report", "runs/test"], ["run", "bakeoff.toml"]):
        ended = arena(*args, cwd=tmp_path)
        assert ended.code == 2
        assert "line 2" in ended.err


def test_progress_counts_what_earlier_sessions_did(tmp_path):
    for attempts in (1, 3):
        bakeoff(tmp_path, [control("nop"), control("oracle")], tasks=TASKS[:1], attempts=attempts)
        ended = arena("run", "bakeoff.toml", cwd=tmp_path)
        assert ended.code == 0, ended.err
    counted = re.findall(r"^\[(\d+)/(\d+)\]", ended.err, re.MULTILINE)
    assert counted == [("3", "6"), ("4", "6"), ("5", "6"), ("6", "6")]
    ended = arena("run", "bakeoff.toml", "--contestant", "nop", "--attempts", "4", cwd=tmp_path)
    assert "[4/4]" in ended.err
    assert ended.code == 0
    assert "1 trial more without a verdict that this command did not ask for" in ended.err
    ended = arena("run", "bakeoff.toml", "--attempts", "1", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "narrowed from 4 attempts at each task to 1" in ended.err
    assert len(ended.json["trials"]) == 2
    shown = arena("report", "runs/test", cwd=tmp_path)
    assert "lacks a verdict" not in shown.out


def test_two_runs_on_one_directory(tmp_path):
    asked, go_on = threading.Event(), threading.Event()

    def held(request: Request):
        asked.set()
        assert go_on.wait(240)
        return solver(request)

    with Stub(held) as stub:
        bakeoff(tmp_path, [contestant("solver", stub.base_url)], tasks=TASKS)
        first = start("run", "bakeoff.toml", cwd=tmp_path)
        try:
            assert asked.wait(240)
            second = arena("run", "bakeoff.toml", cwd=tmp_path)
        finally:
            go_on.set()
            _, err = first.communicate(timeout=240)
    assert second.code == 2
    assert f"process {first.pid} is writing this run" in second.err
    assert first.returncode == 0, err


def test_the_key_is_in_no_container_and_no_process_list(tmp_path):
    seen: list[str] = []

    def looking(request: Request):
        if request.turn == 0:
            seen.extend(
                subprocess.run(
                    ["docker", "inspect", box["Id"]], capture_output=True, text=True, check=True
                ).stdout
                for box in ours()
            )
            for proc in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.append(proc.read_text(errors="replace"))
                except OSError:
                    continue
            return call("bash", command="env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'")
        seen.append(json.dumps(request.messages))
        return call("submit")

    with Stub(looking) as stub:
        bakeoff(tmp_path, [contestant("a", stub.base_url, api_key_env="THE_KEY")], tasks=TASKS[:1])
        assert arena("run", "bakeoff.toml", cwd=tmp_path, THE_KEY=CANARY).code == 0
    assert len(seen) > 3
    assert not any(CANARY in piece for piece in seen)
    assert os.environ.get("THE_KEY") is None
