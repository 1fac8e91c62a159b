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
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from arena.errors import InputError
from arena.git import GitError
from arena.money.prices import SHIPPED_FX
from arena.records import TestPlan
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.serialize import lines_writer, well_formed
from arena.task import pack as packs
from arena.task.checking import suite
from arena.task.files import Draft, write_pack, write_task
from arena.task.formats.predictions import slug
from arena.task.mining.command_runner import test_plan
from arena.task.mining.history import Commit
from arena.task.mining.parts import MiningRequest, Subproject, name_of, parts_of
from arena.task.mining.projects import with_version_files
from arena.task.mining.record import LOG, SUMMARY, CandidateOutcome, Stage, Yield, read_log, summary
from arena.task.mining.rewrite import LEDGER, ORIGINAL, REWRITTEN, Rewriter
from arena.task.mining.runner import (
    Environment,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    RepositoryTree,
    Say,
    TestRunOptions,
    has_src,
    image_of,
)
from arena.task.mining.statement import (
    REVIEW,
    CandidateFix,
    ProblemStatement,
    write_statement,
)
from arena.task.mining.validate import FellError, Proof, prove
from arena.task.patch import PatchError, parse
from arena.task.policy import PatchRules, police


def mine(request: MiningRequest, engine: DockerEngine, say: Say) -> Yield:
    """Mine a repository into a pack, going on where an earlier run ended.

    Raises:
        InputError: no repository, no candidate, or an environment that cannot be had.
        EngineError: the engine broke.
    """
    parts = parts_of(request)
    steps = [(commit, part) for part in parts for commit in part.steps]
    steps.sort(key=lambda one: datetime.fromisoformat(one[0].at), reverse=True)
    chosen = steps[: request.limit]
    name = name_of(request, parts[0].project)
    write_pack(
        request.out,
        slug(request.out.name),
        f"Mined from {name}",
        private=True,
        description="Made by `arena tasks mine`; yield per stage in mining.json.",
    )
    done = read_log(request.out)
    _remove_unfinished(request.out, done)
    todo = [(commit, part) for commit, part in chosen if (commit.sha, part.folder) not in done]
    say(f"{len(steps)} candidates, {len(chosen)} chosen, {len(chosen) - len(todo)} done before")
    with ExitStack() as stack:
        rewriter = stack.enter_context(_rewriter(request, say)) if request.rewrite else None
        miners = {
            part.folder: _Miner(request, engine, part, _environment(request, part, say), rewriter)
            for part in parts
        }
        attempts = [(miners[part.folder], commit) for commit, part in todo]
        done |= {one.key: one for one in _attempts(attempts, request, say)}
        outcomes = [done[commit.sha, part.folder] for commit, part in chosen]
        rewritten = sum(one.rewrite == REWRITTEN and one.task is not None for one in outcomes)
        rewriting = rewriter.account(rewritten) if rewriter else None
        if rewriting:
            say(rewriting.line)
    left_out = sorted({name for miner in miners.values() for name in miner.made.left_out})
    found = summary(name, parts[0].history.head(), len(steps), outcomes, left_out, rewriting)
    (request.out / SUMMARY).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return found


def _environment(request: MiningRequest, part: Subproject, say: Say) -> Environment:
    name = name_of(request, part.project)
    image = slug(f"{part.folder}{name}") if part.folder else name
    return part.support.make(request.out, image, part.project, request.install, say)


def _rewriter(request: MiningRequest, say: Say) -> Rewriter:
    spec = request.rewrite
    assert spec
    say(f"message, fix and tests of each proven candidate are sent to {spec.base_url}")
    return Rewriter(
        spec, request.out / LEDGER, request.rewrite_usd, fx=SHIPPED_FX, environ=os.environ
    )


def _attempts(
    todo: Sequence[tuple["_Miner", Commit]], request: MiningRequest, say: Say
) -> Iterator[CandidateOutcome]:
    """Candidates taken as far as they go, each written down as it ends."""
    lock = threading.Lock()

    def one(attempt: tuple[_Miner, Commit]) -> CandidateOutcome:
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


# ── one candidate ──────────────────────────────────────────────────────────────────────────────


class _Stopped(Exception):  # noqa: N818  no error: a value on its way out
    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage, self.reason = stage, reason


@dataclass(frozen=True)
class _Candidate:
    name: str
    statement: ProblemStatement
    fix: CandidateFix


@dataclass(frozen=True)
class _Miner:
    request: MiningRequest
    engine: DockerEngine
    part: Subproject
    made: Environment
    rewriter: Rewriter | None

    @property
    def support(self) -> LanguageSupport:
        """Of the project's language."""
        return self.part.support

    def attempt(self, commit: Commit) -> CandidateOutcome:
        """Take one candidate as far as it goes."""
        started = time.monotonic()
        rewrite = ""
        found = partial(
            CandidateOutcome,
            commit=commit.sha,
            folder=self.part.folder,
            at=commit.at,
            subject=commit.message.strip().partition("\n")[0][:200],
            says_fix=commit.says_fix,
        )
        try:
            candidate = self._read(commit)
            proof = self._prove(candidate)
            if self.rewriter:
                statement, rewrite = self.rewriter.rewrite(
                    candidate.name, candidate.statement, candidate.fix
                )
                candidate = replace(candidate, statement=statement)
            self._check(candidate, proof)
        except _Stopped as stop:
            seconds = round(time.monotonic() - started, 1)
            return found(stage=stop.stage, reason=stop.reason, rewrite=rewrite, seconds=seconds)
        return found(
            stage="task",
            task=candidate.name,
            fail_to_pass=proof.fail_to_pass,
            quarantined=proof.quarantined,
            rewrite=rewrite,
            seconds=round(time.monotonic() - started, 1),
        )

    def _read(self, commit: Commit) -> _Candidate:
        if commit.unreadable:
            raise _Stopped("patch", f"it cannot be read: {commit.unreadable}")
        history = self.part.history
        try:
            tree = with_version_files(history.tree(commit.parent), self.part.project)
            hidden = history.files(commit.sha, commit.tests)
            gold = history.diff(commit.parent, commit.sha, commit.source)
            changes = parse(gold)
        except (GitError, PatchError) as error:
            raise _Stopped("patch", f"it cannot be read: {error}") from None
        if reason := self.support.refusal(tree, hidden):
            raise _Stopped("patch", reason)
        rules = PatchRules(
            graded=frozenset(file.path for file in hidden),
            tree=frozenset(file.path for file in tree),
        )
        policed = police(gold, rules)
        if policed.refused or policed.stripped:
            named = ", ".join(file.path for file in policed.stripped)
            raise _Stopped("patch", policed.refused or f"the fix changes protected paths: {named}")
        if not changes:
            raise _Stopped("patch", "the source does not change")
        fix = CandidateFix(gold, tree, hidden)
        statement = write_statement(commit, self.request.issues, fix)
        if statement is None:
            raise _Stopped("statement", "the message says nothing but the fix itself")
        title = slug(f"{self.part.folder}{statement.title}")[:40].strip("-")
        name = f"{title}-{commit.sha[:7]}"
        return _Candidate(name, statement, fix)

    def _prove(self, candidate: _Candidate) -> Proof:
        support = self.support
        root, fix = self.request.out / candidate.name, candidate.fix
        image = image_of(self.engine, root, support.language, self.made.image, fix.tree)
        before = RepositoryTree(image=image, hidden=fix.hidden, src=has_src(fix.tree))
        after = before.model_copy(update={"patch": fix.gold})
        touched = [support.place(file.path) for file in fix.hidden if support.is_test(file)]
        labels = {"arena.mine": candidate.name}

        def run(tree: RepositoryTree, places: Sequence[str], seed: str | None) -> MiningSession:
            seconds = support.run_seconds
            return support.run(
                RepositoryRun(self.engine, tree, self._how, seconds, labels, places, seed)
            )

        try:
            return prove(partial(run, before), partial(run, after), list(dict.fromkeys(touched)))
        except FellError as fell:
            raise _Stopped("proof", str(fell)) from None

    @property
    def _how(self) -> TestRunOptions:
        return TestRunOptions(
            plugins=self.made.plugins,
            options=self.part.project.options,
            arguments=self.request.arguments,
            command=self.support.command,
        )

    def _check(self, candidate: _Candidate, proof: Proof) -> None:
        """Write the task and put it through everything that `arena tasks check` looks at."""
        out, images = self.request.out, Images(self.engine, packs.tree_files)
        root = write_task(out, self._draft(candidate, proof))
        if candidate.statement.original:
            (root / ORIGINAL).write_text(candidate.statement.original + "\n", encoding="utf-8")
        try:
            (task,) = packs.load(str(root.resolve()), base=out)
            found = list(suite.check([task], images.ensure([task]), self.engine, images.store))
            why = next((f"{one.look}: {one.detail[:300]}" for one in found if not one.ok), "")
        except InputError as error:
            why = error.what
        if why:
            shutil.rmtree(root, ignore_errors=True)
            raise _Stopped("check", why)

    def _draft(self, candidate: _Candidate, proof: Proof) -> Draft:
        statement = candidate.statement
        plain = statement.from_issue and not (statement.left_out or statement.original)
        review = () if plain else (REVIEW,)
        return Draft(
            name=candidate.name,
            title=statement.title,
            language=self.support.language,
            image=self.made.image,
            tags=("mined", *review),
            repository=name_of(self.request, self.part.project),
            assurance="report" if self.support.command else "ids",
            statement=statement.text,
            tests=self._plan(proof),
            tree=candidate.fix.tree,
            hidden=candidate.fix.hidden,
            gold=candidate.fix.gold,
        )

    def _plan(self, proof: Proof) -> TestPlan:
        timeout_s = max(60.0, round(6 * proof.longest_s))
        if command := self.support.command:
            plan = test_plan(command, [*proof.fail_to_pass], proof.pass_to_pass, proof.files)
            return plan.model_copy(update={"timeout_s": timeout_s})
        return TestPlan(
            runner=self.support.runner,
            fail_to_pass=tuple(proof.fail_to_pass),
            pass_to_pass=proof.pass_to_pass,
            plugins=self._how.plugins,
            options=self._how.options,
            timeout_s=timeout_s,
        )


# ── the record ─────────────────────────────────────────────────────────────────────────────────


def _remove_unfinished(out: Path, done: Mapping[tuple[str, str], CandidateOutcome]) -> None:
    finished = {one.task for one in done.values()}
    for folder in out.glob("*/repo"):
        if folder.parent.name not in finished:
            shutil.rmtree(folder.parent)
