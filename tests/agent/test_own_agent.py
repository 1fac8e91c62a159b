"""A user's own agent: one TOML and no code of ours. It also tries what an agent must not reach."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.agent.rig import (
    AGENTS,
    TASK,
    Hand,
    bake,
    contestant,
    no_key_in,
    profile,
    recorded,
    solver,
    transcript,
)
from tests.e2e.rig import arena, bakeoff, gold_command, ours, run_id
from tests.servers.many_apis import ManyStub, turn
from tests.servers.openai_stub import call, error, text

HERE = Path(__file__).parent
HAND = Hand("bash")


def run(folder, script, *, more="", **fields):
    profile(folder)
    with ManyStub(script) as stub:
        table = contestant("one", "own", stub, **fields)
        report, path = bake(folder, [table], more=f"{AGENTS}\n{more}")
    return report, path, stub


def test_it_repairs_a_task(tmp_path):
    report, path, stub = run(tmp_path, solver(HAND))
    row, trial = report["contestants"][0], report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("submitted", "passed"), trial
    assert recorded(path)[0]["steps"] == 3
    assert (row["tokens"]["input"], row["tokens"]["output"]) == stub.told
    exact = (stub.told[0] * 2 + stub.told[1] * 8) / 1_000_000
    assert float(row["cost_usd"]) == pytest.approx(exact)
    no_key_in(stub, path)
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["programs"]["own"]["label"] == "Our own"
    assert len(manifest["layers"]["own"]) == 64
    assert "own.toml" not in json.dumps(manifest), "no path of this machine is written down"
    roles = [e["message"]["role"] for e in transcript(path, "one") if e["kind"] == "message"]
    assert roles == ["user", "assistant", "tool", "assistant", "tool", "assistant"]
    assert ours(run_id(path)) == []


def test_its_token_and_its_home_die_with_the_trial(tmp_path):
    tokens = []

    def script(request):
        if turn(request) == 0:
            return call("bash", command="echo token=$TOKEN; ls -A ~; touch ~/was-here")
        said = request.messages[-1]["content"]
        tokens.append(said.partition("token=")[2].split()[0])
        assert "was-here" not in said
        return text("done")

    profile(tmp_path)
    with ManyStub(script) as stub:
        bake(tmp_path, [contestant("one", "own", stub)], more=AGENTS, attempts=2)
    assert len(set(tokens)) == 2


@pytest.fixture
def bait():
    """A service on every address of this machine, as a database might be."""
    hits = []

    class Bait(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"BAIT")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Bait)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, hits
    server.shutdown()
    server.server_close()


def test_nothing_but_the_gateway_is_in_reach(tmp_path, bait):
    port, hits = bait
    host = socket.gethostbyname(socket.gethostname())
    source = (HERE / "reach.py").read_text().replace("@port@", str(port)).replace("@host@", host)
    command = f"/opt/agent/python/bin/python3 -I - <<'REACH'\n{source}\nREACH\ncat /proc/net/dev"

    def script(request):
        return text("done") if turn(request) else call("bash", command=command)

    with socket.create_connection((host, port), 2):
        pass  # the bait is there
    report, _, stub = run(tmp_path, script)
    said = stub.requests[-1].messages[-1]["content"]
    assert "REACHED" not in said
    assert "BAIT" not in said
    assert hits == []
    assert said.count("closed") == 6, said
    assert said.count("proxy b'HTTP/1.1 404") == 3, said
    assert "connect b'HTTP/1.1 4" in said, said
    assert "lo:" in said
    assert "eth" not in said
    assert report["trials"][0]["stop"] == "submitted"


def test_an_agent_that_ends_all_its_processes_ends_itself(tmp_path):
    """Its own way out is not among them, and neither is anything else."""

    def script(request):
        return text("done") if turn(request) else call("bash", command="kill -9 -1")

    report, _, _ = run(tmp_path, script)
    trial = report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("agent_error", "no_patch")


def test_a_crash_is_an_outcome_and_what_was_changed_is_graded(tmp_path):
    crash = gold_command(TASK) + "\nkill -9 $PPID"

    def script(request):
        return text("done") if turn(request) else call("bash", command=crash)

    report, _, _ = run(tmp_path, script)
    trial = report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("agent_error", "passed")


def test_the_deadline_ends_it_and_its_work_is_graded(tmp_path):
    def script(request):
        return solver(HAND)(request) if turn(request) < 2 else HAND.run("sleep 600")

    report, _, _ = run(tmp_path, script, more="[limits]\nseconds = 20")
    trial = report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("seconds", "passed")


@pytest.mark.parametrize("left", ["sleep 600", "yes"])
def test_what_it_leaves_running_does_not_hold_its_end_up(tmp_path, left):
    command = gold_command(TASK) + f"\n{left} < /dev/null > /proc/$PPID/fd/1 2>&1 &"

    def script(request):
        return text("done") if turn(request) else call("bash", command=command)

    report, _, _ = run(tmp_path, script)
    assert (report["trials"][0]["stop"], report["trials"][0]["verdict"]) == ("submitted", "passed")


def test_a_step_limit_ends_it_in_words(tmp_path):
    report, path, stub = run(tmp_path, solver(HAND), more="[limits]\nsteps = 2")
    trial = report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("steps", "passed")
    assert recorded(path)[0]["steps"] == 2
    assert len(stub.served) == 2
    told = [e["text"] for e in transcript(path, "one") if e["kind"] == "note"]
    assert any("limit of steps" in line for line in told), told


def test_a_provider_that_refuses_the_key_is_a_fault(tmp_path):
    profile(tmp_path)
    with ManyStub(lambda _: error(401)) as stub:
        bakeoff(tmp_path, [contestant("one", "own", stub)], tasks=[TASK], more=AGENTS)
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path, THE_KEY="sk-wrong")
    assert ended.code == 3, ended.err
    assert ended.json["trials"][0]["verdict"] is None


def test_a_count_of_its_own_that_differs_is_flagged(tmp_path):
    report, path, _ = run(tmp_path, solver(HAND), params={"scale": "3.5"})
    assert [flag["kind"] for flag in recorded(path)[0]["flags"]] == ["own_report"]
    assert report["trials"][0]["verdict"] == "passed"


def test_two_agents_on_two_backends_read_as_a_matrix(tmp_path):
    """Each row says who drove what over which API; what one served is what both are charged."""
    profile(tmp_path)

    def good(request):
        if turn(request) < 2:
            return solver(HAND)(request)
        has_submit = "submit" in json.dumps(request.body["tools"])
        return call("submit") if has_submit else text("It is done.")

    claude = {"provider": "anthropic", "model": "claude-sonnet-5-5"}
    with ManyStub(good) as solves, ManyStub(lambda _: text("no")) as quits:
        tables = [
            contestant(f"{agent}-{name}", agent, stub, backend=backend)
            for agent in ("own", "shell")
            for name, stub, backend in (("open", solves, {}), ("claude", quits, claude))
        ]
        report, path = bake(tmp_path, tables, more=AGENTS)
    rows = {row["name"]: row for row in report["contestants"]}
    assert {name: (row["agent"], row["api"], row["passed"]) for name, row in rows.items()} == {
        "own-open": ("own", "chat", 1),
        "shell-open": ("shell", "chat", 1),
        "own-claude": ("own", "chat", 0),
        "shell-claude": ("shell", "messages", 0),
    }
    for pair, stub in (("open", solves), ("claude", quits)):
        counted = [rows[f"{agent}-{pair}"]["tokens"] for agent in ("own", "shell")]
        added = (sum(c["input"] for c in counted), sum(c["output"] for c in counted))
        assert added == stub.told
    page = (path / "report" / "index.html").read_text()
    assert all(f"{name} {row['api']}" in page for name, row in rows.items())
    told = arena("report", "runs/test", cwd=tmp_path).out
    assert "shell-claude messages" in " ".join(told.split())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name = ", "nmae = "), "did you mean"),
        (('"own"', '"shell"'), "built-in agent"),
        (('["chat"]', '["telnet"]'), "api"),
        (("stdin = ", "stdni = "), "did you mean 'stdin'"),
        (("[params]", '[finish]\nsubmitted = "(["\n\n[params]'), "not a regular expression"),
    ],
)
def test_a_bad_profile_is_one_clear_line(tmp_path, change, says):
    profile(tmp_path)
    path = tmp_path / "own.toml"
    path.write_text(path.read_text().replace(*change, 1))
    with ManyStub([]) as stub:
        bakeoff(tmp_path, [contestant("one", "own", stub)], tasks=[TASK], more=AGENTS)
        ended = arena("run", "bakeoff.toml", cwd=tmp_path, THE_KEY="k")
    assert ended.code == 2
    assert "own.toml" in ended.err
    assert says in ended.err
    assert ended.err.count("\n") == 1


def test_an_agent_and_a_backend_between_which_nothing_translates_are_refused(tmp_path):
    profile(tmp_path, api='"messages"')
    with ManyStub([]) as stub:
        backend = {"provider": "openai", "model": "gpt-6-astra", "endpoints": {}}
        table = contestant("one", "own", stub, backend=backend)
        bakeoff(tmp_path, [table], tasks=[TASK], more=AGENTS)
        ended = arena("plan", "bakeoff.toml", cwd=tmp_path, THE_KEY="k")
    assert ended.code == 2
    assert "own speaks messages" in ended.err
    assert "take no tools" in ended.err
