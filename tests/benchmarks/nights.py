"""Nights that never were: how often a gate is red and a series alarmed for nothing, and how soon both
see a change. The figures of docs/ci.md.

Run: `python -m tests.benchmarks.nights [gate|alarm SERIES|thirty FOLDER]`: the first takes ten minutes,
the second as many for 40 series.

A night is 24 tasks, 2 attempts, 5 contestants. Attempts are independent given the task; a task's
chance is drawn from Beta(0.6, 0.4); cost and tokens are log-normal (sigma 0.5) about the task's own
level. `restless` adds what all attempts of a night share: sigma 0.03 on tokens and cost, 0.1 on the
log-odds of a pass.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy import special

from arena.records import (
    CallBegin,
    CallEnd,
    PriceRow,
    PriceTier,
    TrialRecord,
    TrialSpec,
    Usage,
    Verification,
)
from arena.rundir.directory import Manifest, RunDir, trial_specs
from arena.rundir.ledger import (
    CallBeginEvent,
    CallEndEvent,
    Event,
    SessionBegin,
    TrialBegin,
    TrialEnd,
)
from arena.score.baseline import series_of
from arena.score.gate import gate
from arena.score.results import Results
from arena.score.trend import RUN_LENGTH
from arena.stats.intervals import FloatArray
from arena.stats.sequential import Attempts, Detector, NightBag, normal_of
from tests.benchmarks import ledgers
from tests.score.made import Player, results

TASKS, ATTEMPTS, CONTESTANTS = 24, 2, 5
SPREAD = 0.5
STREAMS = CONTESTANTS * 3


@dataclass(frozen=True)
class Change:
    """What becomes of one contestant, silently."""

    loss: float = 0.0
    """Points of pass rate, taken in proportion from every task."""
    growth: float = 1.0
    """Of tokens and cost."""


class World:
    """One contestant's tasks."""

    def __init__(self, rng: Generator, *, restless: bool = False) -> None:
        self.rng = rng
        self.chance = rng.beta(0.6, 0.4, TASKS)
        self.level = rng.normal(0, 0.7, TASKS)
        self.night_sd = (0.1, 0.03) if restless else (0.0, 0.0)

    def night(self, change: Change = Change()) -> tuple[FloatArray, FloatArray]:
        """Passes (0 or 1) and logarithms of tokens of one night, both of shape (tasks, attempts)."""
        shape = TASKS, ATTEMPTS
        odds = special.logit(self.chance.clip(1e-6, 1 - 1e-6)) + self.rng.normal(
            0, self.night_sd[0]
        )
        chance = special.expit(odds) * (1 - change.loss / self.chance.mean())
        passed = (self.rng.random(shape) < chance.clip(0, 1)[:, None]).astype(np.float64)
        tokens = self.level[:, None] + SPREAD * self.rng.standard_normal(shape)
        tokens += np.log(change.growth) + self.rng.normal(0, self.night_sd[1])
        return passed, tokens


def run_of(nights: Sequence[tuple[FloatArray, FloatArray]]) -> Results:
    """One night of several contestants as a run."""
    players = {
        f"c{i}": Player(passed.sum(axis=1), np.exp(tokens).sum(axis=1))
        for i, (passed, tokens) in enumerate(nights)
    }
    return results(players, attempts=ATTEMPTS)


class Gated(NamedTuple):
    """Shares of nights."""

    nights: int
    red: float
    inconclusive: float
    shown: float


def gated(
    earlier: int, change: Change, *, series: int, each: int, restless: bool = False, seed: int = 1
) -> Gated:
    """How a night's gate ends after so many earlier nights, when one of five contestants changed."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for _ in range(series):
        worlds = [World(rng, restless=restless) for _ in range(CONTESTANTS)]
        before = [run_of([world.night() for world in worlds]) for _ in range(earlier)]
        known, _notes = series_of(before[0], before)
        for _ in range(each):
            tonight = [w.night(change if not i else Change()) for i, w in enumerate(worlds)]
            found = gate(run_of(tonight), known)
            outcomes.append("red" if found.exit_code else found.outcome)
    shares = (outcomes.count(one) / len(outcomes) for one in ("red", "inconclusive", "pass"))
    return Gated(len(outcomes), *shares)


class Watch(NamedTuple):
    """One stream of nightly scores, standard normal or nearly so, by three rules."""

    first: dict[str, int | None]
    """Night of the first alarm by rule; None where there is none."""


RULES = ("e-detector", "fixed threshold", "CUSUM")


def watch(nights: Sequence[FloatArray], rng: Generator) -> Watch:
    """Follow one stream; each night is an array of shape (tasks, attempts).

    The fixed threshold is the usual one: three standard deviations of the nightly means of the first
    14 nights. CUSUM is tuned on them as well: k 0.5, h 5 of their standard deviations.
    """
    first: dict[str, int | None] = dict.fromkeys(RULES)
    bag, detector = NightBag(TASKS), Detector()
    means = [float(night.mean()) for night in nights]
    centre, spread = float(np.mean(means[:14])), float(np.std(means[:14], ddof=1)) or 1e-9
    up = down = 0.0
    task = np.repeat(np.arange(TASKS), ATTEMPTS)
    for index, night in enumerate(nights):
        raised = set()
        p = bag.add(Attempts(task, night.ravel()), rng)
        if p is not None and detector.add(normal_of(p)) >= RUN_LENGTH * STREAMS:
            raised.add("e-detector")
        z = (means[index] - centre) / spread
        if index >= 14:
            up, down = max(0.0, up + z - 0.5), max(0.0, down - z - 0.5)
            raised |= {"fixed threshold"} if abs(z) > 3 else set()
            raised |= {"CUSUM"} if max(up, down) > 5 else set()
        for rule in raised:
            if first[rule] is None:
                first[rule] = index
    return Watch(first)


def alarms(
    change: Change, at: int, nights: int, *, series: int, restless: bool = False, seed: int = 2
) -> dict[str, list[int | None]]:
    """First alarms by rule, of the pass and the token stream of one contestant each time."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[int | None]] = {rule: [] for rule in RULES}
    for _ in range(series):
        world = World(rng, restless=restless)
        made = [world.night(change if index >= at else Change()) for index in range(nights)]
        streams = [watch([night[i] for night in made], rng).first for i in (0, 1)]
        for rule in RULES:
            hits = [hit for one in streams if (hit := one[rule]) is not None]
            found[rule].append(min(hits, default=None))
    return found


def print_gate(series: int = 40, each: int = 25) -> None:
    print(f"{'earlier':>8} {'world':9} {'loss':>5} {'growth':>6} {'nights':>6} {'red':>6} "
          f"{'open':>6} {'shown':>6}")  # fmt: skip
    rows = [
        (1, Change(), False), (30, Change(), False), (30, Change(), True),
        *((30, Change(loss=loss), False) for loss in (0.1, 0.2, 0.3, 0.4)),
        *((30, Change(growth=growth), False) for growth in (1.2, 1.5, 2.0)),
    ]  # fmt: skip
    for earlier, change, restless in rows:
        found = gated(earlier, change, series=series, each=each, restless=restless)
        world = "restless" if restless else "even"
        print(f"{earlier:8} {world:9} {change.loss:5.2f} {change.growth:6.2f} {found.nights:6}"
              f" {found.red:6.1%} {found.inconclusive:6.1%} {found.shown:6.1%}")  # fmt: skip


def print_alarm(series: int = 40) -> None:
    print("alarms for nothing, share of contestants in 365 nights")
    for restless in (False, True):
        found = alarms(Change(), 999, 365, series=series // 2, restless=restless)
        shares = {rule: np.mean([hit is not None for hit in hits]) for rule, hits in found.items()}
        told = ", ".join(f"{rule} {share:.0%}" for rule, share in shares.items())
        print(f"  {'restless' if restless else 'even':9} {told}")
    print("silent change at night 18: share seen within 30 nights, median nights until then")
    kinds = [Change(loss=loss) for loss in (0.05, 0.1, 0.15, 0.2, 0.3)]
    for change in (*kinds, *(Change(growth=growth) for growth in (1.1, 1.2, 1.5))):
        for rule, hits in alarms(change, 17, 47, series=series).items():
            delays = [hit - 16 for hit in hits if hit is not None and hit >= 17]
            middle = f"{np.median(delays):.0f}" if delays else "-"
            early = np.mean([hit is not None and hit < 17 for hit in hits])
            print(f"  loss {change.loss:.2f} growth {change.growth:.1f} {rule:16}"
                  f" {len(delays) / len(hits):4.0%} {middle:>3}  before it {early:.0%}")  # fmt: skip


# ── thirty nights on disk ──────────────────────────────────────────────────────────────────────

START = datetime(2026, 3, 1, 2, tzinfo=UTC)


def manifest(night: int, contestants: int) -> Manifest:
    made = ledgers.manifest(TASKS, contestants, ATTEMPTS)
    tier = PriceTier(input=Decimal(2), cached_input=Decimal("0.2"), output=Decimal(8))
    priced = tuple(
        spec.model_copy(
            update={
                "backend": spec.backend.model_copy(update={"prices": (PriceRow(tiers=(tier,)),)})
            }
        )
        for spec in made.contestants
        if spec.backend
    )
    return made.model_copy(
        update={
            "run_id": f"night-{night:02}",
            "name": f"night-{night:02}",
            "created_at": START + timedelta(days=night - 1),
            "contestants": priced,
        }
    )


def write_nights(
    folder: Path,
    *,
    nights: int = 30,
    contestants: int = 5,
    at: int = 18,
    change: Change,
    seed: int = 3,
) -> list[Path]:
    """Write run directories `night-01` … where the first contestant changes silently at a night."""
    rng = np.random.default_rng(seed)
    worlds = [World(rng) for _ in range(contestants)]
    written = []
    for night in range(1, nights + 1):
        path = folder / f"night-{night:02}"
        made = manifest(night, contestants)
        changed = night >= at
        drawn = {
            f"c{i}": world.night(change if changed and i == 0 else Change())
            for i, world in enumerate(worlds)
        }
        RunDir(path).write_manifest(made)
        place = {task.id: i for i, task in enumerate(made.tasks)}
        events: list[Event] = [SessionBegin(session="s", at=made.created_at)]
        for count, spec in enumerate(trial_specs(made)):
            passed, tokens = (
                one[place[spec.task_id], spec.attempt - 1] for one in drawn[spec.contestant]
            )
            other = changed and spec.contestant == "c0"
            events += _trial(spec, count, made, bool(passed), float(np.exp(tokens)), other=other)
            log = RunDir(path).trial_dir(spec.id) / "transcript.jsonl"
            log.write("{}\n" * 1000)
        lines = (event.model_dump_json() + "\n" for event in events)
        (path / "ledger.jsonl").write_text("".join(lines))
        written.append(path)
    return written


def _trial(
    spec: TrialSpec, count: int, made: Manifest, passed: bool, size: float, *, other: bool
) -> Iterator[Event]:
    at = made.created_at + timedelta(seconds=count)
    yield TrialBegin(spec=spec, try_number=1, at=at)
    begin = CallBegin(
        call_id=f"{count:08x}", trial_id=spec.id, contestant=spec.contestant,
        endpoint="http://127.0.0.1:1/v1", model="m", step=1, attempt=1, started_at=at,
        prompt_estimate=1000, prompt_bound=5000, output_limit=16000,
    )  # fmt: skip
    yield CallBeginEvent(call=begin)
    output = round(2000 * size)
    end = CallEnd(
        call_id=begin.call_id, trial_id=spec.id, outcome="ok", http_status=200,
        requested_model="m", returned_model="m-2" if other else "m",
        fingerprint="fp_new" if other else "fp_old", finish_reason="stop",
        usage=Usage(input_fresh=round(8000 * size), output=output, reasoning=output // 2),
        wall_s=1.0 if other else 2.0, ended_at=at,
    )  # fmt: skip
    yield CallEndEvent(call=end)
    yield TrialEnd(
        record=TrialRecord(
            id=spec.id, task_id=spec.task_id, contestant=spec.contestant, attempt=spec.attempt,
            digest=spec.digest, stop="submitted", steps=1, wall_s=12.0, active_s=11.0,
            verification=Verification(verdict="passed" if passed else "failed"),
            started_at=at, ended_at=at,
        )
    )  # fmt: skip


def thirty(folder: Path) -> None:
    """The whole story: thirty nights, each gated against those before it; then series and retention."""
    from arena.report.trend import render, text
    from arena.score.nights import read_runs, retain, runs_in
    from arena.score.trend import trend

    paths = write_nights(folder, change=Change(loss=0.15, growth=1.3))
    known, _ = read_runs(paths)
    for index in range(1, len(known)):
        before, _ = series_of(known[index], known[:index])
        found = gate(known[index], before)
        print(f"night {index + 1:2}: {'red' if found.exit_code else 'green'}, {found.outcome}")
    series = trend(read_runs(runs_in([folder]))[0])
    print(text(series))
    (folder / "trend.html").write_text(render(series, folder.name))
    freed = sum(one.freed_bytes for one in retain(folder, nights=7, ledgers=20))
    left = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"retention freed {freed / 1e6:.1f} MB; {left / 1e6:.1f} MB are left")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["gate", "alarm"]
    if "gate" in wanted:
        print_gate()
    if "alarm" in wanted:
        print_alarm(int(wanted[1]) if len(wanted) > 1 and wanted[1].isdigit() else 40)
    if wanted[0] == "thirty":
        thirty(Path(wanted[1]))
