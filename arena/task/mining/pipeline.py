"""From a local clone to a pack: every candidate through every stage, each fall with its reason.

pack/
    mining.jsonl     one line a candidate that was tried: what makes mining resumable
    mining.json      the yield per stage
    images/<name>/   what the repository's tests need
    <task>/          the tasks
"""

import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import get_args

from arena.errors import InputError
from arena.money.prices import SHIPPED_FX
from arena.records import Record
from arena.sandbox.engine import DockerEngine
from arena.serialize import json_lines, lines_writer, well_formed
from arena.task.files import write_pack
from arena.task.formats.predictions import slug
from arena.task.mining.candidate import CandidateOutcome, Miner, Stage
from arena.task.mining.history import Commit
from arena.task.mining.parts import MiningRequest, Subproject, parts_of
from arena.task.mining.rewrite import LEDGER, REWRITTEN, Rewriter, Rewriting
from arena.task.mining.runner import Say
from arena.task.yields import YieldLine, yields

LOG = "mining.jsonl"
SUMMARY = "mining.json"


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
    yields: tuple[YieldLine, ...]
    """What was kept, and what fell by reason, with seconds and megabytes each."""
    seconds_each: float
    """Mean over the candidates tried."""
    left_out: tuple[str, ...]
    """Requirements of the repository that could not be had."""
    rewriting: Rewriting | None = None


def mine(request: MiningRequest, engine: DockerEngine, say: Say) -> Yield:
    """Mine a repository into a pack, going on where an earlier run ended.

    Raises `InputError` for no repository, no candidate, or an environment that cannot be had.
    """
    parts = parts_of(request)
    steps = [(commit, part) for part in parts for commit in part.steps]
    steps.sort(key=lambda one: datetime.fromisoformat(one[0].at), reverse=True)
    chosen = steps[: request.limit]
    out, title = request.out, f"Mined from {parts[0].name}"
    about = "Made by `arena tasks mine`; yield per stage in mining.json."
    write_pack(out, slug(out.name), title, private=True, description=about)
    before, keeps = _read_log(out), request.keep_underspecified
    done = {one.key: one for one in before if one.task or not (one.underspecified and keeps)}
    _remove_unfinished(out, done)
    todo = [(commit, part) for commit, part in chosen if (commit.sha, part.folder) not in done]
    say(f"{len(steps)} candidates, {len(chosen)} chosen, {len(chosen) - len(todo)} done before")
    with ExitStack() as stack:
        rewriter = None
        if spec := request.rewrite:
            say(f"message, fix and tests of each proven candidate are sent to {spec.base_url}")
            usd = request.rewrite_usd
            rewriter = Rewriter(spec, out / LEDGER, usd, fx=SHIPPED_FX, environ=os.environ)
            stack.enter_context(rewriter)
        miners = {}
        for part in parts:
            image = slug(part.folder + part.name)
            made = part.support.make(out, image, part.project, request.install, say)
            miners[part.folder] = Miner(request, engine, part, made, rewriter)
        attempts = [(miners[part.folder], commit) for commit, part in todo]
        done |= {one.key: one for one in _attempts(attempts, request, say)}
        outcomes = [done[commit.sha, part.folder] for commit, part in chosen]
        rewritten = sum(one.rewrite == REWRITTEN and one.task is not None for one in outcomes)
        rewriting = rewriter.account(rewritten) if rewriter else None
        if rewriting:
            say(rewriting.line)
    left_out = sorted({name for miner in miners.values() for name in miner.made.left_out})
    found = _summary(parts[0], len(steps), outcomes, left_out, rewriting)
    (out / SUMMARY).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return found


def _attempts(
    todo: Sequence[tuple[Miner, Commit]], request: MiningRequest, say: Say
) -> Iterator[CandidateOutcome]:
    """Candidates taken as far as they go, each written down as it ends."""
    lock = threading.Lock()

    def one(attempt: tuple[Miner, Commit]) -> CandidateOutcome:
        miner, commit = attempt
        outcome = miner.attempt(commit)
        with lock, (request.out / LOG).open("a", encoding="utf-8") as log:
            lines_writer(log).write(well_formed(outcome.model_dump(mode="json")))
        return outcome

    with ThreadPoolExecutor(request.jobs, thread_name_prefix="mine") as pool:
        for number, outcome in enumerate(pool.map(one, todo), 1):
            what = outcome.task or f"{outcome.stage}: {outcome.reason}"
            what += f", {outcome.rewrite}" if outcome.rewrite else ""
            say(f"[{number}/{len(todo)}] {outcome.commit[:9]} {what} ({outcome.seconds:.0f} s)")
            yield outcome


def _remove_unfinished(out: Path, done: Mapping[tuple[str, str], CandidateOutcome]) -> None:
    finished = {one.task for one in done.values()}
    for folder in out.glob("*/repo"):
        if folder.parent.name not in finished:
            shutil.rmtree(folder.parent)


def _read_log(out: Path) -> list[CandidateOutcome]:
    """Earlier outcomes; a torn last line is as if it were not there."""
    path = out / LOG
    if not path.is_file():
        return []
    whole, end, torn = path.read_bytes().rpartition(b"\n")
    if torn:
        path.write_bytes(whole + end)

    def broken(number: int, what: str) -> None:
        where = f"{path}: line {number}"
        raise InputError(f"not JSON ({what})", where=where, remedy="take the line out")

    rows = json_lines(whole.split(b"\n"), broken)
    return [CandidateOutcome.model_validate(row) for _, row in rows]


def _summary(
    part: Subproject,
    candidates: int,
    outcomes: Sequence[CandidateOutcome],
    left_out: Sequence[str],
    rewriting: Rewriting | None,
) -> Yield:
    fixes = [one for one in outcomes if one.says_fix]
    fallen = [one for one in outcomes if one.task is None]
    fell = Counter(one.stage for one in fallen)
    return Yield(
        repository=part.name,
        head=part.history.head,
        candidates=candidates,
        tried=len(outcomes),
        tasks=len(outcomes) - len(fallen),
        fixes_tried=len(fixes),
        fixes_tasks=sum(one.task is not None for one in fixes),
        fell={stage: fell[stage] for stage in get_args(Stage) if fell[stage]},
        yields=yields(outcomes),
        seconds_each=round(sum(one.seconds for one in outcomes) / len(outcomes), 1),
        left_out=tuple(left_out),
        rewriting=rewriting,
    )
