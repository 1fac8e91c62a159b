"""Writes a run directory as a bake-off would leave it, without running one.

Outcomes are drawn from a seed. Events go to the ledger through the project's own records, but
without an fsync each, so that 10,000 trials take seconds.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from arena.records import (
    Budget,
    CallBegin,
    CallEnd,
    Fault,
    Flag,
    Limits,
    SandboxLimits,
    Stop,
    TestOutcome,
    TestPlan,
    TrialRecord,
    TrialSpec,
    Usage,
    Verdict,
    Verification,
    digest_of,
)
from arena.rundir import ledger
from arena.rundir.directory import EngineInfo, Manifest, RunDir, TaskEntry, trial_specs
from tests.report.cast import TITLES, Actor, cast

START = datetime(2026, 11, 22, 21, 4, tzinfo=UTC)
CHANCE = {"easy": 0.18, "medium": 0.0, "hard": -0.25}


@dataclass(frozen=True)
class Text:
    """What tasks and models write; tests replace it to attack the report."""

    statement: str = (
        "# {title}\n\nSince the last release this is wrong. A minimal example:\n\n"
        "```python\n>>> from {module} import solve\n>>> solve([1, 2, 3])\n6\n\n```\n\n"
        "It returns `5` for me. *Empty* input has to keep returning `0`, and the\n"
        "order of the arguments must not matter:\n\n- lists\n- tuples and generators\n"
    )
    reply: str = "The loop in `{module}/core.py` stops one element early. Let me look at it."
    output: str = "exit code: 0\n{module}/core.py:41:    for index in range(len(items) - 1):\n"
    patch_line: str = "    for index in range(len(items)):"
    title: str = "{title}"
    flag: str = "reads the git history for a later commit"


def make_run(
    path: Path,
    *,
    tasks: int = 12,
    attempts: int = 3,
    seed: int = 1,
    actors: Sequence[Actor] = cast(),
    text: Text = Text(),
    finished: float = 1.0,
    files: bool = True,
    name: str = "nightly",
) -> Path:
    """Write a run; `finished` is the share of trials that have ended."""
    manifest = _manifest(tasks, attempts, seed, actors, text, name)
    run = RunDir(path)
    run.write_manifest(manifest)
    chance = random.Random(seed)
    entries = {t.id: t for t in manifest.tasks}
    by_name = {a.spec.name: a for a in actors}
    specs = list(trial_specs(manifest))
    with (path / "ledger.jsonl").open("w", encoding="utf-8") as out:
        _write(out, ledger.SessionBegin(session="s1", at=START))
        for number, spec in enumerate(specs[: int(len(specs) * finished)]):
            actor, task = by_name[spec.contestant], entries[spec.task_id]
            trial = _Simulated(spec, actor, task, text, chance, number)
            for event in trial.events():
                _write(out, event)
            if files:
                trial.write_files(path / "trials" / run.trial_dir(spec.id).name)
        if finished == 1.0:
            _write(out, ledger.SessionEnd(session="s1", reason="done", at=START))
    return path


def _write(out: object, event: ledger.Event) -> None:
    out.write(event.model_dump_json() + "\n")  # type: ignore[attr-defined]


def _manifest(
    tasks: int, attempts: int, seed: int, actors: Sequence[Actor], text: Text, name: str
) -> Manifest:
    return Manifest(
        run_id=digest_of([seed, tasks])[:16],
        name=name,
        created_at=START,
        arena_version="0.1.0",
        attempts=attempts,
        concurrency=4,
        limits=Limits(usd=Decimal("1.50")),
        sandbox=SandboxLimits(),
        budget=Budget(usd=Decimal(200)),
        seed=seed,
        tasks=tuple(_task(i, text) for i in range(tasks)),
        contestants=tuple(a.spec for a in actors),
        engine=EngineInfo(version="20.10.24", platform="linux/amd64", cpus=2, memory_mb=24_000),
        base_image="debootstrap bookworm sha256:" + "ab" * 32,
    )


def _task(index: int, text: Text) -> TaskEntry:
    slug, title, difficulty = TITLES[index % len(TITLES)]
    if index >= len(TITLES):
        slug = f"{slug}-{index // len(TITLES) + 1}"
    module = slug.replace("-", "_")
    return TaskEntry(
        id=f"core/{slug}",
        pack="core",
        title=text.title.format(title=title),
        language="python",
        difficulty=difficulty,
        digest=digest_of([slug]),
        image="sha256:" + digest_of(["image", slug]),
        problem_statement=text.statement.format(title=title, module=module),
        tests=TestPlan(
            runner="pytest",
            fail_to_pass=tuple(f"tests/test_core.py::test_new_{i}" for i in range(4)),
            pass_to_pass=tuple(f"tests/test_core.py::test_old_{i}" for i in range(6)),
            must_fail=("tests/test_core.py::test_twin",),
        ),
        repository=f"example/{module}",
    )


class _Simulated:
    """One trial: drawn once, then written as events and as files."""

    def __init__(
        self,
        spec: TrialSpec,
        actor: Actor,
        task: TaskEntry,
        text: Text,
        chance: random.Random,
        number: int,
    ) -> None:
        self.spec, self.actor, self.task, self.text = spec, actor, task, text
        self.chance = chance
        self.module = task.id.split("/")[1].replace("-", "_")
        luck = random.Random(f"{spec.task_id}").gauss(0, 0.18)
        wins = chance.random() < actor.skill + CHANCE[task.difficulty] + luck
        self.faulted = chance.random() < actor.fault_rate
        self.stop: Stop = self._stop(wins=wins)
        self.verdict: Verdict = self._verdict(wins=wins)
        self.calls = list(self._calls(number))
        self.began = START + timedelta(seconds=7 * number)
        self.active_s = sum(end.wall_s for _, end in self.calls) * 1.1 + 0.4

    def _stop(self, *, wins: bool) -> Stop:
        if wins or not self.actor.steps:
            return "submitted"
        return self.chance.choices(
            ("submitted", "steps", "gave_up", "seconds"), weights=(70, 15, 10, 5)
        )[0]

    def _verdict(self, *, wins: bool) -> Verdict:
        if wins:
            return "passed"
        if self.spec.contestant == "nop":
            return "no_patch"
        odds = (80, 8, 4, 4, 2, 2)
        kinds: tuple[Verdict, ...] = (
            "failed",
            "no_patch",
            "invalid_patch",
            "timeout",
            "resource",
            "integrity",
        )
        return self.chance.choices(kinds, weights=odds)[0]

    def _calls(self, number: int) -> Iterator[tuple[CallBegin, CallEnd]]:
        backend = self.actor.spec.backend
        if backend is None:
            return
        prompt, begun = 1_400, START + timedelta(seconds=7 * number)
        for step in range(1, max(2, int(self.chance.gauss(self.actor.steps, 4))) + 1):
            attempts = 2 if self.chance.random() < 0.02 else 1
            output = max(20, int(self.chance.gauss(self.actor.output_per_step, 90)))
            for attempt in range(1, attempts + 1):
                ok = attempt == attempts
                call_id = f"c{number}.{step}.{attempt}"
                usage = Usage(
                    input_fresh=prompt - prompt * 7 // 10,
                    cache_read=prompt * 7 // 10,
                    output=output,
                    reasoning=int(output * self.actor.reasoning_share),
                )
                wall_s = round(max(0.4, self.chance.gauss(self.actor.seconds_per_call, 1.5)), 3)
                begin = CallBegin(
                    call_id=call_id,
                    trial_id=self.spec.id,
                    contestant=self.spec.contestant,
                    endpoint=backend.base_url,
                    model=backend.model,
                    step=step,
                    attempt=attempt,
                    started_at=begun,
                    prompt_estimate=prompt,
                    prompt_bound=4 * prompt,
                    output_limit=16_000,
                )
                begun += timedelta(seconds=wall_s)
                end = CallEnd(
                    call_id=call_id,
                    trial_id=self.spec.id,
                    outcome="ok" if ok else "overloaded",
                    http_status=200 if ok else 503,
                    error="" if ok else "service is overloaded",
                    requested_model=backend.model,
                    returned_model=backend.model,
                    finish_reason="tool_calls" if ok else None,
                    usage=usage if ok else None,
                    repeated_tokens=prompt * 8 // 10,
                    wall_s=wall_s,
                    first_byte_s=round(wall_s / 4, 3) if ok else None,
                    ended_at=begun,
                )
                yield begin, end
            prompt += output + self.chance.randint(80, 900)

    def events(self) -> Iterator[ledger.Event]:
        yield ledger.TrialBegin(spec=self.spec, try_number=1, at=self.began)
        for begin, end in self.calls:
            yield ledger.CallBeginEvent(call=begin)
            yield ledger.CallEndEvent(call=end)
        yield ledger.TrialEnd(record=self._record())

    def _record(self) -> TrialRecord:
        flagged = self.verdict == "integrity" or self.chance.random() < 0.01
        patch = self._patch().encode()
        return TrialRecord(
            **{k: getattr(self.spec, k) for k in ("id", "task_id", "contestant", "attempt", "digest")},
            stop=None if self.faulted else self.stop,
            verification=None if self.faulted else Verification(
                verdict=self.verdict,
                reason="" if self.verdict == "passed" else "2 of 10 tests did not pass",
                tests=self._tests(),
                wall_s=1.8,
            ),
            fault=Fault(kind="provider", message="503 five times in a row") if self.faulted else None,
            steps=max((b.step for b, _ in self.calls), default=0),
            mistakes=int(self.chance.random() < 0.2),
            wall_s=self.active_s + 2.5,
            active_s=self.active_s,
            patch_bytes=len(patch),
            patch_sha256=digest_of([patch.decode()]),
            flags=(Flag(kind="history", detail=self.text.flag, line=3),) if flagged else (),
            started_at=self.began,
            ended_at=self.began + timedelta(seconds=self.active_s + 2.5),
        )  # fmt: skip

    def _tests(self) -> dict[str, TestOutcome]:
        if self.verdict not in {"passed", "failed"}:
            return {}
        plan = self.task.tests
        tests: dict[str, TestOutcome] = dict.fromkeys(
            (*plan.fail_to_pass, *plan.pass_to_pass), "passed"
        )
        tests |= dict.fromkeys(plan.must_fail, "failed")
        if self.verdict == "failed":
            tests[plan.fail_to_pass[2]] = "failed"
            tests[plan.fail_to_pass[3]] = "error"
        return tests

    def _patch(self) -> str:
        if self.verdict == "no_patch":
            return ""
        path = f"{self.module}/core.py"
        return (
            f"diff --git a/{path} b/{path}\nindex 354c9b0..08686fc 100644\n--- a/{path}\n"
            f"+++ b/{path}\n@@ -38,7 +38,8 @@ def solve(items):\n     if not items:\n"
            "         return 0\n     total = 0\n"
            f"-    for index in range(len(items) - 1):\n+{self.text.patch_line}\n"
            "+        # every element counts\n         total += items[index]\n     return total\n \n"
        )

    def write_files(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "transcript.jsonl").open("w", encoding="utf-8") as out:
            for entry in self._transcript():
                out.write(json.dumps(entry) + "\n")
        if patch := self._patch():
            (folder / "patch.diff").write_text(patch, encoding="utf-8")
        (folder / "verify.log").write_text("collected 10 items\n2 failed, 8 passed\n", "utf-8")

    def _transcript(self) -> Iterator[dict[str, object]]:
        if not self.calls:
            yield {"kind": "note", "at": 0.1, "text": "control: nothing is asked of a model"}
            return
        statement = self.task.problem_statement
        for role, content in (
            ("system", "You fix bugs in the repository at /repo. Nonce 6f1c."),
            ("user", f"Fix this issue in /repo.\n\n{statement}"),
        ):
            yield {"kind": "message", "at": 0.1, "message": {"role": role, "content": content}}
        steps = max(b.step for b, _ in self.calls)
        for begin, end in self.calls:
            yield {"kind": "call", **end.model_dump(mode="json")}
            if end.outcome == "ok":
                yield from self._exchange(begin.step, last=begin.step == steps)
        yield {"kind": "stop", "at": self.active_s, "stop": self.stop, "detail": ""}

    def _exchange(self, step: int, *, last: bool) -> Iterator[dict[str, object]]:
        command = ("grep -n range -r .", f"sed -n 30,60p {self.module}/core.py", "pytest -q")[
            step % 3
        ]
        call = {
            "id": f"t{step}",
            "type": "function",
            "function": {"name": "bash", "arguments": json.dumps({"command": command})},
        }
        if last:
            call["function"] = {"name": "submit", "arguments": "{}"}
        text = self.text.reply.format(module=self.module) if step % 2 else ""
        message: dict[str, object] = {"role": "assistant", "content": text, "tool_calls": [call]}
        if self.actor.reasoning_share and step % 3 == 1:
            message["reasoning_content"] = "The bound looks wrong: range(len(items) - 1) skips one."
        yield {"kind": "message", "message": message}
        if not last:
            output = self.text.output.format(module=self.module) * (1 + 9 * (step % 4 == 0))
            result = {"role": "tool", "tool_call_id": f"t{step}", "content": output}
            yield {"kind": "message", "message": result}
