"""What became of every candidate, on disk: what makes mining resumable, and its yield."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from arena.errors import InputError
from arena.records import Record
from arena.serialize import json_lines
from arena.task.mining.rewrite import Rewriting

LOG = "mining.jsonl"
SUMMARY = "mining.json"

Stage = Literal["patch", "statement", "proof", "check", "task"]
STAGES: tuple[Stage, ...] = ("patch", "statement", "proof", "check", "task")


class CandidateOutcome(Record):
    """What became of one candidate."""

    commit: str
    at: str
    subject: str
    says_fix: bool
    """Its first line speaks of something broken."""
    folder: str = ""
    """The project it concerns, where it is not the top."""
    stage: Stage
    """The stage it fell at; `task` when it became one."""
    reason: str = ""
    task: str | None = None
    fail_to_pass: dict[str, str] = Field(default_factory=dict)
    """Ids, and why each fails before the fix."""
    quarantined: dict[str, str] = Field(default_factory=dict)
    rewrite: str = ""
    """What became of rewriting its statement; empty where nobody asked for it."""
    seconds: float

    @property
    def key(self) -> tuple[str, str]:
        """Commit and folder: one commit may concern several projects."""
        return self.commit, self.folder


class Yield(Record):
    """How many candidates each stage let through."""

    repository: str
    head: str
    candidates: int
    """Steps of the main line that change source and tests."""
    tried: int
    tasks: int
    fixes_tried: int
    """Candidates whose first line speaks of something broken."""
    fixes_tasks: int
    fell: dict[str, int]
    """Candidates by the stage that they fell at."""
    reasons: dict[str, int]
    seconds_each: float
    """Mean over the candidates tried."""
    left_out: tuple[str, ...]
    """Requirements of the repository that could not be had."""
    rewriting: Rewriting | None = None


def read_log(out: Path) -> dict[tuple[str, str], CandidateOutcome]:
    """Earlier outcomes by commit and folder; a torn last line is as if it were not there."""
    path = out / LOG
    if not path.is_file():
        return {}
    whole, end, torn = path.read_bytes().rpartition(b"\n")
    if torn:
        path.write_bytes(whole + end)

    def broken(number: int, what: str) -> None:
        raise InputError(
            f"not JSON ({what})", where=f"{path}: line {number}", remedy="take the line out"
        )

    rows = json_lines(whole.split(b"\n"), broken)
    found = [CandidateOutcome.model_validate(row) for _, row in rows]
    return {one.key: one for one in found}


def summary(
    name: str,
    head: str,
    candidates: int,
    outcomes: Sequence[CandidateOutcome],
    left_out: Sequence[str],
    rewriting: Rewriting | None,
) -> Yield:
    """The yield of candidates."""
    fixes = [one for one in outcomes if one.says_fix]
    fell = Counter(one.stage for one in outcomes if one.task is None)
    reasons = Counter(_kind(one.reason) for one in outcomes if one.task is None)
    return Yield(
        repository=name,
        head=head,
        candidates=candidates,
        tried=len(outcomes),
        tasks=sum(one.task is not None for one in outcomes),
        fixes_tried=len(fixes),
        fixes_tasks=sum(one.task is not None for one in fixes),
        fell={stage: fell[stage] for stage in STAGES if fell[stage]},
        reasons=dict(reasons.most_common()),
        seconds_each=round(sum(one.seconds for one in outcomes) / len(outcomes), 1),
        left_out=tuple(left_out),
        rewriting=rewriting,
    )


def _kind(reason: str) -> str:
    """A reason without what is particular to one candidate."""
    return re.split(r"[:(]", reason, maxsplit=1)[0].strip()
