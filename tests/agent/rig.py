"""Bake-offs of agents that are programs of their own, on the real engine, with a scripted model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from tests.e2e.rig import CANARY, _toml, arena, bakeoff, gold_command, run_id
from tests.servers.many_apis import ManyStub, turn
from tests.servers.openai_stub import call, text

TASK = "core/interval-merge"
LOOK = (
    "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; "
    "cat ~/.[a-z]*/*.toml ~/.[a-z]*/*.json ~/*.json 2>/dev/null; true"
)
"""Prints what a container knows that a key could hide in."""


HERE = Path(__file__).parent
AGENTS = 'agents = ["own.toml"]'


def profile(folder, api='"chat"'):
    """The profile `own.toml` of a user's own agent."""
    source = (HERE / "own_agent.py").read_text()
    form = (HERE / "own_agent.toml").read_text()
    (folder / "own.toml").write_text(form.replace("@api@", api).replace("@source@", source))


@dataclass(frozen=True)
class Hand:
    """How a scripted model uses an agent's shell."""

    tool: str
    key: str = "command"
    more: tuple[tuple[str, Any], ...] = ()
    many: bool = False
    """Whether it takes a list of commands."""

    def run(self, command):
        given = [command] if self.many else command
        return call(self.tool, **{self.key: given}, **dict(self.more))


def solver(hand, *, last=None, task=TASK):
    """Looks around, applies the task's fix, and says that it is done."""

    def script(request):
        if not request.body.get("tools"):
            return text("Repair the merging of intervals")  # a title
        steps = [hand.run(LOOK), hand.run(gold_command(task)), last or text("It is done.")]
        return steps[min(turn(request), len(steps) - 1)]

    return script


def watched(script, run, seen):
    """The same script; at its first request it keeps what the engine shows of the run."""

    def wrapped(request):
        if not seen:
            seen.append(shown_by_engine(run))
        return script(request)

    return wrapped


def shown_by_engine(run):
    """Settings and processes of a run's containers, as anybody on the machine may ask for them."""
    client = docker.from_env()
    try:
        boxes = client.api.containers(filters={"label": f"arena.run={run_id(run)}"})
        idents = [box["Id"] for box in boxes]
        return json.dumps([(client.api.inspect_container(i), client.api.top(i)) for i in idents])
    finally:
        client.close()


def contestant(name, agent, stub, **fields):
    """A contestant whose endpoint is a stub with all three APIs."""
    backend = {
        "base_url": stub.base_url,
        "model": "scripted-1",
        "endpoints": {"messages": stub.base_url, "responses": stub.base_url},
        "api_key_env": "THE_KEY",
        "price": {"input": 2.0, "cached_input": 0.2, "cache_write": 2.5, "output": 8.0},
    } | fields.pop("backend", {})
    table = {"name": name, "agent": agent, "backend": backend, **fields}
    return "[[contestant]]\n" + "\n".join(f"{k} = {_toml(v)}" for k, v in table.items())


def bake(folder, contestants, *, tasks=(TASK,), more="", timeout_s=900, **how):
    """Run a bake-off; its report as JSON and its run directory."""
    bakeoff(folder, contestants, tasks=tasks, more=more, **how)
    ended = arena(
        "run", "bakeoff.toml", "--format", "json", cwd=folder, timeout_s=timeout_s, THE_KEY=CANARY
    )
    assert ended.code == 0, ended.err
    return ended.json, folder / "runs" / "test"


def no_key_in(stub: ManyStub, run: Path, token="") -> None:
    """The key went to the endpoint and nowhere else."""
    sent = {r.headers.get("authorization") or r.headers.get("x-api-key") for r in stub.requests}
    assert sent & {f"Bearer {CANARY}", CANARY}
    for request in stub.requests:
        assert CANARY not in request.raw.decode(), "the container knows the key"
    for file in run.rglob("*"):
        assert file.is_dir() or CANARY not in file.read_text(errors="replace"), file


def transcript(run, name):
    path = next(p for p in run.rglob("transcript.jsonl") if name in str(p))
    return [json.loads(line) for line in path.read_text().splitlines()]


def recorded(run):
    """Records of the tries that ended, in that order."""
    events = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    return [event["record"] for event in events if event["kind"] == "trial_end"]
