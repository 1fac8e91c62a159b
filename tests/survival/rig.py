"""Small runs that are cut, starved and pulled about, and what must hold of them afterwards."""

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import docker

from arena.rundir import ledger
from arena.rundir.directory import RunDir, trial_specs
from arena.rundir.ledger import CallBeginEvent, CallEndEvent, Event, TrialEnd
from arena.score.load import load
from arena.score.results import Results
from tests.benchmarks import job
from tests.e2e import rig
from tests.servers.openai_stub import Answer, Request, Stub, call

PRICE = {"input": 2.0, "cached_input": 0.5, "output": 8.0}
STEPS = ("ls -R", "sleep 0.2", "sed -i 's/a - b/a + b/' calc/__init__.py")
ONE_TRIAL = len(STEPS) + 1
"""Replies that a trial takes, with the submission."""


class Endpoint(Stub):
    """Fixes the task; the prompt tokens of each reply are a number of its own.

    Args:
        delay_s: how long the reply of a request takes.
        steps: what is run before the submission.
        free: how many replies are given before the first `release`; all, when None. What must
            happen in the middle of a run then does, however late a busy machine comes to it.
    """

    def __init__(
        self,
        delay_s: Callable[[], float] = lambda: 0.0,
        steps: tuple[str, ...] = STEPS,
        free: int | None = None,
    ) -> None:
        self._numbers = itertools.count(1000)
        self._free = None if free is None else threading.Semaphore(free)
        self._steps = steps
        self._delay_s = delay_s
        super().__init__(self._play)

    def release(self, replies: int = 1000) -> None:
        """Let so many replies more be given."""
        assert self._free is not None
        self._free.release(replies)

    def _play(self, request: Request) -> Answer:
        if self._free is not None:
            self._free.acquire(timeout=300)
        time.sleep(self._delay_s())
        turn = request.turn
        answer = (
            call("bash", command=self._steps[turn]) if turn < len(self._steps) else call("submit")
        )
        usage = {"prompt_tokens": next(self._numbers), "completion_tokens": 7}
        return Answer(message=answer.message, finish_reason=answer.finish_reason, usage=usage)


def write_bakeoff(
    folder: Path, base_url: str, *, tasks: int = 2, attempts: int = 2, more: str = ""
) -> None:
    """`bakeoff.toml` with one contestant, and its pack."""
    job.write_pack(folder / "bench", tasks)
    rig.bakeoff(
        folder,
        [rig.contestant("a", base_url, price=PRICE)],
        tasks=["./bench"],
        attempts=attempts,
        more=f"strict = false\n[sandbox]\nmemory_mb = 256\n{more}",
    )


class Run:
    """One run directory and the processes that write it."""

    def __init__(self, folder: Path, *args: str, **env: str) -> None:
        self.folder = folder
        self.path = folder / "runs" / "test"
        self.ledger = self.path / "ledger.jsonl"
        self._args = ("run", "bakeoff.toml", *args)
        self._env = env

    def start(self) -> "subprocess.Popen[str]":
        return rig.start(*self._args, cwd=self.folder, **self._env)

    def finish(self, timeout_s: float = 240) -> rig.Ended:
        return rig.arena(*self._args, cwd=self.folder, timeout_s=timeout_s, **self._env)

    def events(self) -> list[Event]:
        return list(ledger.read(self.ledger))

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events())

    def wait(
        self, holds: Callable[[], bool], process: "subprocess.Popen[str]", within_s: float = 90
    ) -> None:
        """Wait until something holds, as long as the process lives."""
        deadline = time.monotonic() + within_s
        while True:
            ended = process.poll() is not None
            if holds():
                return
            assert not ended, process.communicate()[1]
            assert time.monotonic() < deadline, "it never came to that"
            time.sleep(0.05)

    def results(self) -> Results:
        return load(self.path)

    @property
    def run_id(self) -> str:
        return rig.run_id(self.path)


def fill_disk(folder: Path, leave: int = 0) -> Path:
    """Take what room a disk has, but for `leave` bytes, with a file; others may write meanwhile."""
    room = os.statvfs(folder)
    ballast = folder / "ballast"
    with suppress(OSError):
        ballast.write_bytes(b"x" * (room.f_bavail * room.f_frsize - leave))
    return ballast


def leftovers(run_id: str, host: str | None = None) -> dict[str, list[Any]]:
    """Containers, networks and volumes that carry the label of a run."""
    client = docker.DockerClient(base_url=host) if host else docker.from_env()
    only = {"label": f"arena.run={run_id}"}
    try:
        return {
            "containers": client.api.containers(all=True, filters=only),
            "networks": client.api.networks(filters=only),
            "volumes": client.api.volumes(filters=only)["Volumes"] or [],
        }
    finally:
        client.close()


def volumes_of(run_id: str) -> set[str]:
    """Names of the volumes of a run's containers, which carry no label."""
    client = docker.from_env()
    found = set()
    try:
        for box in client.api.containers(all=True, filters={"label": f"arena.run={run_id}"}):
            found |= {m["Name"] for m in box["Mounts"] if m["Type"] == "volume"}
    finally:
        client.close()
    return found


def existing(volumes: set[str]) -> set[str]:
    """Those of some volumes that are still there."""
    client = docker.from_env()
    try:
        return volumes & {v["Name"] for v in client.api.volumes()["Volumes"] or []}
    finally:
        client.close()


def check_whole(run: Run, host: str | None = None) -> None:
    """Every trial has one verdict, and nothing of the run is left on the engine."""
    planned = [spec.id for spec in trial_specs(RunDir(run.path).read_manifest())]
    ended = [e.record.id for e in run.events() if isinstance(e, TrialEnd) and e.record.verdict]
    assert sorted(ended) == sorted(planned)
    assert {row.id: row.verdict for row in run.results().trials} == dict.fromkeys(planned, "passed")
    assert leftovers(run.run_id, host) == {"containers": [], "networks": [], "volumes": []}


def check_money(run: Run, endpoint: Endpoint) -> None:
    """Settled spend is what the endpoint served; every other announced call is possibly billed."""
    events = run.events()
    begun = {e.call.call_id: e.call for e in events if isinstance(e, CallBeginEvent)}
    ended = {e.call.call_id: e.call for e in events if isinstance(e, CallEndEvent)}
    assert len(ended) == sum(isinstance(e, CallEndEvent) for e in events)
    settled = {i: e for i, e in ended.items() if e.usage is not None}
    served = {s.usage["prompt_tokens"] for s in endpoint.served}
    counted = [end.usage.prompt for end in settled.values() if end.usage is not None]
    assert len(set(counted)) == len(counted)
    assert set(counted) <= served
    open_calls = {i: b for i, b in begun.items() if i not in settled}
    assert len(served) - len(counted) <= len(open_calls)
    rows = run.results().trials
    assert sum(row.tokens.input for row in rows) == sum(counted)
    spent = sum((row.cost.known_usd for row in rows), Decimal(0))
    assert spent == Decimal(2 * sum(counted) + 8 * 7 * len(counted)) / 1_000_000
    refused = [i for i in open_calls if i in ended and not ended[i].sent]
    assert sum(row.cost.unsettled_calls for row in rows) == len(open_calls) - len(refused)
    bound = sum((row.cost.unsettled_bound_usd or Decimal(0) for row in rows), Decimal(0))
    lost = [s for s in endpoint.served if s.usage["prompt_tokens"] not in set(counted)]
    real = [len(s.request.raw) // 4 for s in lost]
    assert bound >= Decimal(2 * sum(real) + 8 * 7 * len(lost)) / 1_000_000
