"""However an agent of its own ends, that is an outcome, and what it changed is graded."""

import threading
import time
from contextlib import contextmanager

import docker
import pytest

from tests.agent.rig import TASK, Hand, bake, contestant, profile, recorded, solver, transcript
from tests.e2e.rig import gold_command, run_id
from tests.servers.many_apis import ManyStub, turn
from tests.servers.openai_stub import call, text

HAND = Hand("bash")


def variant(folder, name, *, more="", **changes):
    """A profile that differs from the user's own."""
    profile(folder)
    form = (folder / "own.toml").read_text().replace('name = "own"', f'name = "{name}"')
    for old, new in changes.items():
        assert old in form
        form = form.replace(old, new, 1)
    (folder / "agents").mkdir(exist_ok=True)
    (folder / "agents" / f"{name}.toml").write_text(f"{form}\n{more}")


def run(folder, script, names, *, more=""):
    with ManyStub(script) as stub:
        tables = [contestant(name, name, stub) for name in names]
        report, path = bake(folder, tables, more=f'agents = ["agents"]\n{more}')
    return {trial["contestant"]: trial for trial in report["trials"]}, path


def ended(trial):
    return trial["stop"], trial["verdict"]


def test_an_end_is_read_as_its_profile_says(tmp_path):
    variant(tmp_path, "said", more="[finish]\nsubmitted = '\"used\"'")
    variant(tmp_path, "unsaid", more='[finish]\nsubmitted = "ALL DONE"')
    variant(tmp_path, "odd", more="[finish]\nexit_codes = [3]")
    variant(
        tmp_path, "mute", **{'"/opt/agent/python/bin/python3", "-I", "{home}': '"/bin/echo", "'}
    )
    trials, path = run(tmp_path, solver(HAND), ["said", "unsaid", "odd", "mute"])
    assert ended(trials["said"]) == ("submitted", "passed")
    assert ended(trials["unsaid"]) == ("gave_up", "passed")
    assert ended(trials["odd"]) == ("agent_error", "passed")
    assert ended(trials["mute"]) == ("agent_error", "no_patch")
    details = {record["contestant"]: record["stop_detail"] for record in recorded(path)}
    assert details["odd"].startswith("exit code 0")
    assert details["mute"] == "it ended without a call to its model"


def test_a_report_tells_apart_who_could_not_log_in_and_who_was_killed(tmp_path):
    program = '"/opt/agent/python/bin/python3", "-I", "{home}/agent.py"'
    ends = {"login": "getent hosts login.example || exit 3", "killed": "kill -9 $$"}
    for name, command in ends.items():
        variant(tmp_path, name, **{program: f'"/bin/sh", "-c", "{command}"'})
    with ManyStub(solver(HAND)) as stub:
        tables = [contestant(name, name, stub) for name in (*ends, "own")]
        report, path = bake(tmp_path, tables, more='agents = ["agents", "own.toml"]')
    rows = {row["name"]: row["endings"] for row in report["contestants"]}
    assert rows == {"login": {"no_call": 1}, "killed": {"killed": 1}, "own": {"submitted": 1}}
    shown = (path / "report" / "index.html").read_text()
    assert all(words in shown for words in ("the agent was killed", "the agent called no model"))


def test_what_ran_out_is_said(tmp_path):
    hungry = f"{gold_command(TASK)}\npython3 -c \"b'x' * (4 << 30)\"; kill -9 $PPID"

    def script(request):
        return text("done") if turn(request) else call("bash", command=hungry)

    variant(tmp_path, "own")
    trials, path = run(tmp_path, script, ["own"])
    assert ended(trials["own"]) == ("agent_error", "passed")
    assert "ran out of memory" in recorded(path)[0]["stop_detail"]


def test_an_account_of_its_own_in_a_file_is_compared_too(tmp_path):
    write = 'import pathlib; pathlib.Path.home().joinpath("sum.json").write_text'
    variant(
        tmp_path,
        "own",
        more='source = "file"\npath = "{home}/sum.json"\ncost_usd = ["used.usd"]',
        **{"print(json.dumps({": f'{write}(json.dumps({{"used": {{"usd": 1.5}}}})); print(repr({{'},
    )
    trials, path = run(tmp_path, solver(HAND), ["own"])
    assert ended(trials["own"]) == ("submitted", "passed")
    (flag,) = recorded(path)[0]["flags"]
    assert flag["kind"] == "own_report"
    assert flag["detail"].startswith("it counts 1.5000 USD, not 0.0")


def test_whatever_stands_where_its_account_should_be_is_no_fault(tmp_path):
    """Of a link to itself, a socket and a pipe the engine sends no copy, or none with content."""
    socket = "import socket; socket.socket(socket.AF_UNIX).bind('/home/agent/sum.json')"
    left = {
        "loop": "ln -s sum.json ~/sum.json",
        "socket": f'python3 -c "{socket}"',
        "fifo": "mkfifo ~/sum.json",
        "folder": "mkdir ~/sum.json",
    }
    told = 'source = "file"\npath = "{home}/sum.json"'
    for name in left:
        variant(tmp_path, name, more=told, **{"[env]": f'[env]\nKIND = "{name}"'})

    def script(request):
        command = 'case "$KIND" in '
        command += " ".join(f"{name}) {how};;" for name, how in left.items()) + " esac"
        return text("done") if turn(request) else call("bash", command=command)

    trials, path = run(tmp_path, script, list(left))
    assert all(ended(trials[name]) == ("submitted", "no_patch") for name in left), trials
    assert all(record["try_number"] == 1 for record in recorded(path))
    assert not any(record["flags"] for record in recorded(path))


@contextmanager
def watching():
    """Starts and ends of containers while the context lasts, in their order."""
    client = docker.from_env()
    stream = client.api.events(
        filters={"type": "container", "event": ["start", "die"]}, decode=True
    )
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(stream), daemon=True)
    reader.start()
    try:
        yield seen
    finally:
        time.sleep(1)  # the last events are on their way
        stream.close()
        reader.join(10)
        client.close()


@pytest.mark.parametrize("last", ["deadline", "end"])
def test_its_container_is_dead_before_grading_begins(tmp_path, last):
    """What it left behind would write on; nothing of that is in the patch."""
    busy = "(while true; do date +%N > late.txt; done) > /dev/null 2>&1 &"

    def script(request):
        if turn(request) == 0:
            return call("bash", command=f"{gold_command(TASK)}\n{busy}")
        return text("done") if last == "end" else call("bash", command="sleep 600")

    variant(tmp_path, "own")
    with watching() as seen:
        limits = "[limits]\nseconds = 20" if last == "deadline" else ""
        trials, path = run(tmp_path, script, ["own"], more=limits)
    assert ended(trials["own"]) == ("submitted" if last == "end" else "seconds", "passed")
    own = run_id(path)
    mine = [e for e in seen if e["Actor"]["Attributes"].get("arena.run") == own]
    order = [(e["Action"], e["Actor"]["ID"]) for e in sorted(mine, key=lambda e: e["timeNano"])]
    agents = order[0][1]
    others = [place for place, (what, who) in enumerate(order) if who != agents]
    assert others, "there was a grading container"
    assert order.index(("die", agents)) < others[0]
    assert transcript(path, "own")[-1]["kind"] == "stop"
