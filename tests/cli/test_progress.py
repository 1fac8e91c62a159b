"""What is on the screen while a run goes on."""

import heapq
import io
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from arena.cli import progress
from arena.records import TrialRecord, TrialSpec, Verification
from arena.rundir.ledger import ContestantStopped, TrialBegin, TrialEnd
from arena.score.load import Kept
from tests.benchmarks import ledgers

NOW = datetime(2026, 11, 28, tzinfo=UTC)
NAMES = ("deepseek-v4-pro", "gpt-5.1-low", "gpt-5.1-high", "sonnet", "kimi-k3")


class Clock:
    """Seconds that a test sets."""

    def __init__(self, monkeypatch):
        self.s = 0.0
        monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: self.s))


def spec(name, number):
    return TrialSpec(
        id=f"t-{number}--{name}--1",
        task_id=f"t-{number}",
        contestant=name,
        attempt=1,
        digest="0",
    )


def ended(trial, seconds, verdict="passed"):
    return TrialEnd(
        record=TrialRecord(
            **trial.model_dump(include={"id", "task_id", "contestant", "attempt", "digest"}),
            try_number=1,
            verification=Verification(verdict=verdict, reason=""),
            wall_s=seconds,
            started_at=NOW,
            ended_at=NOW,
        )
    )


def drawn(follower, width=60):
    out = io.StringIO()
    Console(file=out, width=width).print(follower.shown())
    return out.getvalue()


def test_sixty_columns_hold_the_whole_table(monkeypatch):
    clock = Clock(monkeypatch)
    follower = progress.RunProgress(dict.fromkeys(NAMES, 240), Path("runs/first"))
    manifest = ledgers.manifest(1, 1, 1)
    follower.begin(manifest, dict.fromkeys(NAMES, Kept(100, 60, Decimal("12.5"))))
    trial = spec("sonnet", 1)
    follower(TrialBegin(spec=trial, try_number=1, at=NOW))
    clock.s = 75
    follower(ContestantStopped(contestant="kimi-k3", reason="no credit", at=NOW))
    shown = drawn(follower)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) == len(NAMES) + 3
    head, total = lines[0].split(), lines[-2].split()
    assert head == ["contestant", "done", "passed", "faults", "spent"]
    assert total == ["total", "500/1200", "300", "0", "$62.50"]
    assert "kimi-k3 (stopped)" in shown
    assert lines[-1] == "500 of 1200 done, 1 running, 1:15 elapsed"


@pytest.mark.parametrize("seed", range(5))
def test_the_time_left_does_not_swing(monkeypatch, seed):
    """Quick and slow trials mixed, four at once: after the first tenth within a factor of two."""
    clock, dice, left = Clock(monkeypatch), random.Random(seed), 100
    follower = progress.RunProgress({"a": 50, "b": 50}, Path("out"))
    todo = [("a" if n % 2 else "b", dice.choice((20, 60, 400)), n) for n in range(left)]
    running, told = [], []

    def start():
        name, seconds, number = todo.pop()
        trial = spec(name, number)
        follower(TrialBegin(spec=trial, try_number=1, at=NOW))
        heapq.heappush(running, (clock.s + seconds, number, trial, seconds))

    for _ in range(4):
        start()
    while running:
        clock.s, _, trial, seconds = heapq.heappop(running)
        follower(ended(trial, seconds))
        left -= 1
        if todo:
            start()
        told.append((left, clock.s, follower._left_s()))
    over = told[-1][1]
    assert told[0][2] is None
    assert told[-1][2] is None
    for remaining, at, guess in told:
        if 15 < remaining < 90:
            assert 0.5 < guess / (over - at) < 2, (remaining, guess, over - at)


def test_where_there_is_no_terminal_a_line_a_minute_tells_where_the_run_stands(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    follower = progress.RunProgress({"a": 9}, Path("runs/first"))
    with follower.showing():
        for number in range(4):
            trial = spec("a", number)
            follower(TrialBegin(spec=trial, try_number=1, at=NOW))
            clock.s += 40
            follower(ended(trial, 40, "failed"))
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("9 trials into runs/first; to watch the page: arena view runs/first")
    assert "2 of 9 done, 0 running, 1:20 elapsed" in said
    assert "4 of 9 done, 0 running, 2:40 elapsed, about 3 minutes left" in said
