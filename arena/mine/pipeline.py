"""From a local clone to a pack: every candidate through every stage, each fall with its reason.

pack/
    mining.jsonl     one line a candidate that was tried: what makes mining resumable
    mining.json      the yield per stage
    images/<name>/   what the repository's tests need
    <task>/          the tasks
"""

import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from arena.check import suite
from arena.check.finding import Finding
from arena.errors import InputError
from arena.mine.environment import Environment, Say
from arena.mine.history import Commit, History
from arena.mine.kits import Kit, kit_of
from arena.mine.project import Project, with_version_files
from arena.mine.runner import How, Session, Tree
from arena.mine.statement import REVIEW, Issue, Statement, write_statement
from arena.mine.validate import FellError, Proof, prove
from arena.records import File, Record, Task, TestPlan
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image import Images
from arena.task import pack as packs
from arena.task.formats.predictions import slug
from arena.task.patch import parse
from arena.task.policy import Rules, police
from arena.task.write import Draft, write_pack, write_task

LOG = "mining.jsonl"
SUMMARY = "mining.json"

Stage = Literal["patch", "statement", "proof", "check", "task"]
STAGES: tuple[Stage, ...] = ("patch", "statement", "proof", "check", "task")

_PLACEHOLDER = TestPlan(runner="pytest", fail_to_pass=("tests/test_any.py::test_any",))


@dataclass(frozen=True)
class Request:
    """What to mine."""

    repo: Path
    out: Path
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    """Most candidates to try, newest first."""
    paths: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """For pytest."""
    issues: Mapping[str, Issue] = field(default_factory=dict)
    jobs: int = 2


class Outcome(Record):
    """What became of one candidate."""

    commit: str
    at: str
    subject: str
    says_fix: bool
    """Its first line speaks of something broken."""
    stage: Stage
    """The stage it fell at; `task` when it became one."""
    reason: str = ""
    task: str | None = None
    fail_to_pass: dict[str, str] = Field(default_factory=dict)
    """Ids, and why each fails before the fix."""
    quarantined: dict[str, str] = Field(default_factory=dict)
    seconds: float


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


def mine(request: Request, engine: DockerEngine, say: Say) -> Yield:
    """Mine a repository into a pack, going on where an earlier run ended.

    Raises:
        InputError: no repository, no candidate, or an environment that cannot be had.
        EngineError: the engine broke.
    """
    history = History(request.repo)
    steps = history.steps(since=request.since, until=request.until, paths=request.paths)
    chosen = steps[: request.limit]
    if not chosen:
        raise InputError(
            "no commit changes both source and tests",
            where=str(request.repo),
            remedy="widen --since, --until or --paths",
        )
    newest = history.tree(chosen[0].sha)
    kit = kit_of(newest, str(request.repo))
    if request.arguments and kit.runner != "pytest":
        raise InputError("--test is for pytest", where=kit.language, remedy="leave it out")
    project = kit.read(newest)
    name = _name_of(request, project)
    write_pack(
        request.out,
        slug(request.out.name),
        f"Mined from {name}",
        private=True,
        description="Made by `arena tasks mine`; yield per stage in mining.json.",
    )
    made = kit.make(request.out, name, project, request.install, say)
    done = _read_log(request.out)
    miner = _Miner(request, history, engine, kit, project, made, name)
    _remove_unfinished(request.out, done)
    todo = [commit for commit in chosen if commit.sha not in done]
    say(f"{len(steps)} candidates, {len(chosen)} chosen, {len(chosen) - len(todo)} done before")
    lock = threading.Lock()

    def one(commit: Commit) -> Outcome:
        outcome = miner.attempt(commit)
        with lock, (request.out / LOG).open("a", encoding="utf-8") as log:
            log.write(outcome.model_dump_json() + "\n")
        return outcome

    with ThreadPoolExecutor(request.jobs, thread_name_prefix="mine") as pool:
        for number, outcome in enumerate(pool.map(one, todo), 1):
            done[outcome.commit] = outcome
            what = outcome.task or f"{outcome.stage}: {outcome.reason}"
            say(f"[{number}/{len(todo)}] {outcome.commit[:9]} {what} ({outcome.seconds:.0f} s)")
    outcomes = [done[commit.sha] for commit in chosen]
    summary = _summary(name, history.head(), len(steps), outcomes, made)
    (request.out / SUMMARY).write_text(summary.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return summary


# ── one candidate ──────────────────────────────────────────────────────────────────────────────


class _Stopped(Exception):  # noqa: N818  no error: a value on its way out
    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage, self.reason = stage, reason


@dataclass(frozen=True)
class _Candidate:
    commit: Commit
    name: str
    tree: tuple[File, ...]
    hidden: tuple[File, ...]
    gold: str
    statement: Statement


class _Miner:
    def __init__(
        self,
        request: Request,
        history: History,
        engine: DockerEngine,
        kit: Kit,
        project: Project,
        made: Environment,
        name: str,
    ) -> None:
        self._request, self._history, self._engine = request, history, engine
        self._kit = kit
        self._project, self._made, self._name = project, made, name
        self._images = Images(engine, packs.tree_files)
        self._how = How(plugins=made.plugins, options=project.options, arguments=request.arguments)

    def attempt(self, commit: Commit) -> Outcome:
        """Take one candidate as far as it goes."""
        started = time.monotonic()
        found = partial(
            Outcome,
            commit=commit.sha,
            at=commit.at,
            subject=commit.message.strip().partition("\n")[0][:200],
            says_fix=commit.says_fix,
        )
        try:
            candidate = self._read(commit)
            proof = self._prove(candidate)
            self._check(candidate, proof)
        except _Stopped as stop:
            seconds = round(time.monotonic() - started, 1)
            return found(stage=stop.stage, reason=stop.reason, seconds=seconds)
        return found(
            stage="task",
            task=candidate.name,
            fail_to_pass=proof.fail_to_pass,
            quarantined=proof.quarantined,
            seconds=round(time.monotonic() - started, 1),
        )

    def _read(self, commit: Commit) -> _Candidate:
        history = self._history
        tree = with_version_files(history.tree(commit.parent), self._project)
        hidden = history.files(commit.sha, commit.tests)
        gold = history.diff(commit.parent, commit.sha, commit.source)
        if reason := self._kit.refuses(tree, hidden):
            raise _Stopped("patch", reason)
        rules = Rules(
            graded=frozenset(file.path for file in hidden),
            tree=frozenset(file.path for file in tree),
        )
        policed = police(gold, rules)
        if policed.refused or policed.stripped:
            named = ", ".join(file.path for file in policed.stripped)
            raise _Stopped("patch", policed.refused or f"the fix changes protected paths: {named}")
        if not parse(gold):
            raise _Stopped("patch", "the source does not change")
        statement = write_statement(commit, self._request.issues, gold, tree, hidden)
        if statement is None:
            raise _Stopped("statement", "the message says nothing but the fix itself")
        name = f"{slug(statement.title)[:40].strip('-')}-{commit.sha[:7]}"
        return _Candidate(commit, name, tree, hidden, gold, statement)

    def _prove(self, candidate: _Candidate) -> Proof:
        image = self._image(candidate)
        src = any(file.path.startswith("src/") for file in candidate.tree)
        before = Tree(image=image, hidden=candidate.hidden, src=src)
        after = before.model_copy(update={"patch": candidate.gold})
        kit = self._kit
        touched = [kit.place(file.path) for file in candidate.hidden if kit.is_test(file)]

        def run(tree: Tree, places: Sequence[str], seed: str | None) -> Session:
            return kit.run(
                self._engine,
                tree,
                self._how,
                places,
                timeout_s=kit.run_seconds,
                seed=seed,
                labels={"arena.mine": candidate.name},
            )

        try:
            return prove(partial(run, before), partial(run, after), list(dict.fromkeys(touched)))
        except FellError as fell:
            raise _Stopped("proof", str(fell)) from None

    def _image(self, candidate: _Candidate) -> str:
        root = self._request.out / candidate.name
        task = Task(
            id=f"{self._name}/{candidate.name}",
            pack=self._name,
            title=candidate.statement.title,
            language=self._kit.language,
            image=self._made.image,
            problem_statement=candidate.statement.text,
            tests=_PLACEHOLDER,
            digest="",
            root=root,
        )
        images = Images(self._engine, lambda _: candidate.tree)
        return images.ensure([task])[task.id].id

    def _check(self, candidate: _Candidate, proof: Proof) -> None:
        """Write the task and put it through everything that `arena tasks check` looks at."""
        out = self._request.out
        root = write_task(out, self._draft(candidate, proof))
        try:
            (task,) = packs.load(str(root.resolve()), base=out)
            images = self._images.ensure([task])
            for finding in suite.check([task], images, self._engine, self._images.store):
                _must_be_sound(finding)
        except InputError as error:
            shutil.rmtree(root, ignore_errors=True)
            raise _Stopped("check", error.what) from None
        except _Stopped:
            shutil.rmtree(root, ignore_errors=True)
            raise

    def _draft(self, candidate: _Candidate, proof: Proof) -> Draft:
        statement = candidate.statement
        review = () if statement.from_issue and not statement.left_out else (REVIEW,)
        return Draft(
            name=candidate.name,
            title=statement.title,
            language=self._kit.language,
            image=self._made.image,
            tags=("mined", *review),
            repository=self._name,
            statement=statement.text,
            tests=TestPlan(
                runner=self._kit.runner,
                fail_to_pass=tuple(proof.fail_to_pass),
                pass_to_pass=proof.pass_to_pass,
                plugins=self._how.plugins,
                options=self._how.options,
                timeout_s=max(60.0, round(6 * proof.longest_s)),
            ),
            tree=candidate.tree,
            hidden=candidate.hidden,
            gold=candidate.gold,
        )


def _must_be_sound(finding: Finding) -> None:
    if not finding.ok:
        raise _Stopped("check", f"{finding.look}: {finding.detail[:300]}")


# ── the record ─────────────────────────────────────────────────────────────────────────────────


def _name_of(request: Request, project: Project) -> str:
    return slug(project.name or request.repo.resolve().name) or "repository"


def _read_log(out: Path) -> dict[str, Outcome]:
    """Earlier outcomes by commit; a torn last line is as if it were not there."""
    path = out / LOG
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    if lines[-1]:
        path.write_text(text[: -len(lines[-1])], encoding="utf-8")
    found = [Outcome.model_validate_json(line) for line in lines[:-1] if line]
    return {one.commit: one for one in found}


def _remove_unfinished(out: Path, done: Mapping[str, Outcome]) -> None:
    finished = {one.task for one in done.values()}
    for folder in out.glob("*/repo"):
        if folder.parent.name not in finished:
            shutil.rmtree(folder.parent)


def _summary(
    name: str, head: str, candidates: int, outcomes: Sequence[Outcome], made: Environment
) -> Yield:
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
        left_out=made.left_out,
    )


def _kind(reason: str) -> str:
    """A reason without what is particular to one candidate."""
    return re.split(r"[:(]", reason, maxsplit=1)[0].strip()
