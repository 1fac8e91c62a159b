"""One candidate: read, proven by running its tests, said, checked, and written as a task; and what
many attempts at tasks came to.
"""

import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pydantic import Field

from arena.errors import InputError
from arena.git import GitError
from arena.records import Provenance, Record, TestPlan
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.task import pack as packs
from arena.task.checking import suite
from arena.task.checking.specified import told, unsaid
from arena.task.files import Draft, write_task
from arena.task.formats.predictions import slug
from arena.task.mining.command_runner import with_command
from arena.task.mining.history import Commit
from arena.task.mining.projects import with_version_files
from arena.task.mining.rewrite import ORIGINAL, Rewriter
from arena.task.mining.runner import (
    ANYWHERE,
    LATE,
    Environment,
    MiningRequest,
    MiningSession,
    RepositoryRun,
    Subproject,
    TestRunOptions,
    image_of,
)
from arena.task.mining.statement import CandidateFix, FellError, ProblemStatement, write_statement
from arena.task.patch import PatchError, parse
from arena.task.policy import PatchRules, police

REVIEW = "review-statement"
Stage = Literal["patch", "statement", "proof", "check", "task"]
BEFORE_RUNS = 3
AFTER_RUNS = 5
SLOW_S = 8.0
"""A suite that takes longer is not run as a whole eight times."""

_IMPORT = ("ImportError", "ModuleNotFoundError", "BuildError", "MissingModule", "MissingTest")
_ASSERTION = frozenset({"AssertionError", "Failed", "FailureException", "t.Fail"})

RunTests = Callable[[Sequence[str], str | None], MiningSession]
"""Runs the tests of places, all when none are named, in the order of a seed or of the files."""


class Attempt(Record):
    """One thing of which a task was to be made."""

    task: str | None = None
    """Name in the pack; None where it was refused."""
    reason: str = ""
    """Why it was."""
    seconds: float = 0.0
    image_mb: int | None = None
    """Of the image that it stands on, with layers that others share; None where none was made."""


class CandidateOutcome(Attempt):
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
    provenance: Provenance | None = None
    """Of its statement, where it came to have one."""
    underspecified: tuple[str, ...] = ()
    """What its tests need and nobody tells."""
    fail_to_pass: dict[str, str] = Field(default_factory=dict)
    """Ids, and why each fails before the fix."""
    quarantined: dict[str, str] = Field(default_factory=dict)
    rewrite: str = ""
    """What became of rewriting its statement; empty where nobody asked for it."""

    @property
    def key(self) -> tuple[str, str]:
        """Commit and folder: one commit may concern several projects."""
        return self.commit, self.folder


class Proof(Record):
    """Which tests show a fix, and which others must go on passing."""

    fail_to_pass: dict[str, str]
    """Id to why it fails before the fix: assertion, exception or import with the type, timeout."""
    pass_to_pass: tuple[str, ...]
    quarantined: dict[str, str]
    """Unstable tests and what was seen of them."""
    longest_s: float
    """The longest run after the fix."""
    files: tuple[str, ...] = ()
    """The test files that were run; all when empty."""


@dataclass(frozen=True)
class Miner:
    """Takes the candidates of one project."""

    request: MiningRequest
    engine: DockerEngine
    part: Subproject
    made: Environment
    rewriter: Rewriter | None

    @property
    def _how(self) -> TestRunOptions:
        options, arguments = self.part.project.options, self.request.arguments
        return TestRunOptions(plugins=self.made.plugins, options=options, arguments=arguments)

    def attempt(self, commit: Commit) -> CandidateOutcome:
        """Take one candidate as far as it goes."""
        started = time.monotonic()
        stage: Stage = "patch"
        name, reason, rewrite = "", "", ""
        proof: Proof | None = None
        statement: ProblemStatement | None = None
        image_mb: int | None = None
        needed: tuple[str, ...] = ()
        try:
            fix = self._fix(commit)
            stage = "statement"
            statement = write_statement(commit, self.request.issues, fix)
            name = name_of(f"{self.part.folder}{statement.title}", commit.sha)
            stage = "proof"
            language, root = self.part.support.language, self.request.out / name
            image = image_of(self.engine, root, language, self.made.image, fix.tree)
            image_mb = image.size_mb
            proof = self._prove(name, image.id, fix)
            if self.rewriter:
                statement, rewrite = self.rewriter.rewrite(name, statement, fix)
            stage = "check"
            draft = self._draft(name, statement, fix, proof)
            needed = draft.underspecified
            self._check(draft, statement.original)
            stage = "task"
        except FellError as fell:
            reason, proof = str(fell), None
        return CandidateOutcome(
            commit=commit.sha,
            at=commit.at,
            subject=commit.message.strip().partition("\n")[0][:200],
            says_fix=commit.says_fix,
            folder=self.part.folder,
            stage=stage,
            reason=reason,
            task=name if stage == "task" else None,
            provenance=statement.provenance if statement else None,
            underspecified=needed,
            fail_to_pass=proof.fail_to_pass if proof else {},
            quarantined=proof.quarantined if proof else {},
            rewrite=rewrite,
            seconds=round(time.monotonic() - started, 1),
            image_mb=image_mb,
        )

    def _fix(self, commit: Commit) -> CandidateFix:
        history = self.part.history
        if commit.unreadable:
            raise FellError(f"it cannot be read: {commit.unreadable}")
        try:
            tree = with_version_files(history.tree(commit.parent), self.part.project)
            after, tests = history.tree(commit.sha), set(commit.tests)
            hidden = tuple(file for file in after if file.path in tests)
            gold = history.diff(commit.parent, commit.sha, commit.source)
            changes = parse(gold)
        except (GitError, PatchError) as error:
            raise FellError(f"it cannot be read: {error}") from None
        if reason := self.part.support.refusal(tree, hidden):
            raise FellError(reason)
        rules = PatchRules(
            graded=frozenset(file.path for file in hidden),
            tree=frozenset(file.path for file in tree),
        )
        policed = police(gold, rules)
        if policed.refused or policed.stripped:
            named = ", ".join(file.path for file in policed.stripped)
            raise FellError(policed.refused or f"the fix changes protected paths: {named}")
        if not changes:
            raise FellError("the source does not change")
        return CandidateFix(gold, tree, hidden)

    def _prove(self, name: str, image: str, fix: CandidateFix) -> Proof:
        support, labels = self.part.support, {"arena.mine": name}
        first = RepositoryRun(self.engine, image, self._how, support.run_seconds, labels, fix)

        def run(fixed: bool, places: Sequence[str], seed: str | None) -> MiningSession:
            return support.run(replace(first, fixed=fixed, places=places, seed=seed))

        touched = (support.place(file.path) for file in fix.hidden if support.is_test(file))
        return prove(partial(run, False), partial(run, True), list(dict.fromkeys(touched)))

    def _check(self, draft: Draft, original: str) -> None:
        """Write the task and put it through everything that `arena tasks check` looks at."""
        if draft.underspecified and not self.request.keep_underspecified:
            raise FellError(told(draft.underspecified))
        out, images = self.request.out, Images(self.engine, packs.tree_files)
        root = write_task(out, draft)
        if original:
            (root / ORIGINAL).write_text(original + "\n", encoding="utf-8")
        try:
            (task,) = packs.load(str(root.resolve()), base=out)
            found = list(suite.check([task], images, self.engine))
            why = next((f"{one.look}: {one.detail[:300]}" for one in found if not one.ok), "")
        except InputError as error:
            why = error.what
        if why:
            shutil.rmtree(root, ignore_errors=True)
            raise FellError(why)

    def _draft(
        self, name: str, statement: ProblemStatement, fix: CandidateFix, proof: Proof
    ) -> Draft:
        support = self.part.support
        plain = statement.provenance == "A" and not (statement.left_out or statement.original)
        plan = TestPlan(
            runner=support.runner,
            fail_to_pass=tuple(proof.fail_to_pass),
            pass_to_pass=proof.pass_to_pass,
            plugins=self._how.plugins,
            options=self._how.options,
            timeout_s=max(60.0, round(6 * proof.longest_s)),
        )
        decisive = fix.gold, fix.tree, fix.hidden, plan.fail_to_pass
        return Draft(
            name=name,
            title=statement.title,
            language=support.language,
            image=self.made.image,
            tags=("mined",) if plain else ("mined", REVIEW),
            repository=self.part.name,
            assurance="report" if support.command else "ids",
            provenance=statement.provenance,
            underspecified=unsaid(statement.text, *decisive),
            statement=statement.text,
            tests=with_command(plan, support.command, proof.files) if support.command else plan,
            tree=fix.tree,
            hidden=fix.hidden,
            gold=fix.gold,
        )


def name_of(title: str, sha: str) -> str:
    """What the task of a commit is called in its pack; its end where the title is empty."""
    return f"{slug(title)[:40].strip('-')}-{sha[:7]}"


# ── proof ──────────────────────────────────────────────────────────────────────────────────────


def prove(before: RunTests, after: RunTests, touched: Sequence[str]) -> Proof:
    """Tell apart what a fix mends, what it leaves whole, and what is unstable.

    Where all tests take long, those that came with the fix, in the places touched, are run alone.
    Raises `FellError` where no test shows the fix, or the tests cannot be run.
    """
    files: Sequence[str] = ()
    first = after(files, None)
    if first.ended == "timeout" or first.wall_s > SLOW_S:
        files = touched
        first = after(files, None)
    _ended(first, "with the fix")
    passing = list(filter(first.passed, first.tests))
    if not passing:
        raise FellError(_nothing_passes(first))
    broken = [_ended(before(files, None), "without the fix", may_hang=True)]
    if not any(shows(name, broken[0]) for name in passing):
        raise FellError("no test changes its result")
    places = files or list(dict.fromkeys(_place(name) for name in passing))
    fixed = [first]
    while len(fixed) < AFTER_RUNS:
        fixed.append(_ended(after(places, secrets.token_hex(4)), "with the fix, shuffled"))
    while len(broken) < BEFORE_RUNS:
        session = before(places, secrets.token_hex(4))
        broken.append(_ended(session, "without the fix, shuffled", may_hang=True))
    mixed, showing, kept = dict[str, str](), dict[str, str](), list[str]()
    for name in passing:
        ends_before, ends_after = ([one.outcome(name) for one in of] for of in (broken, fixed))
        if len(set(ends_after)) > 1 or len({one == "passed" for one in ends_before}) > 1:
            mixed[name] = f"before: {_counted(ends_before)}; after: {_counted(ends_after)}"
        elif ends_before[0] == "passed":
            kept.append(name)
        elif reason := shows(name, broken[0]):
            showing[name] = reason
    if not showing:
        raise FellError("every test that shows the fix is unstable" if mixed else "no stable test")
    return Proof(
        fail_to_pass=showing,
        pass_to_pass=tuple(kept),
        quarantined=mixed,
        longest_s=max(session.wall_s for session in fixed),
        files=tuple(files),
    )


def shows(name: str, before: MiningSession) -> str:
    """Why a test that passes with the fix fails without it; empty where that shows nothing."""
    seen = before.tests.get(name)
    uncollected = before.uncollected
    error = seen.error if seen else uncollected.get(_place(name), uncollected.get(ANYWHERE, ""))
    if not error or (seen and seen.outcome not in {"failed", "error"}):
        return ""
    if error == LATE:
        return "timeout"
    if error.startswith(_IMPORT):
        return f"import: {error}"
    return f"assertion: {error}" if error in _ASSERTION else f"exception: {error}"


def _ended(session: MiningSession, when: str, *, may_hang: bool = False) -> MiningSession:
    said = " ".join(session.detail.split())[-160:]
    match session.ended:
        case "timeout" if not may_hang:
            raise FellError(f"the tests take too long {when}")
        case "not_applied":
            raise FellError(f"the fix does not apply: {session.detail}")
        case "broken":
            raise FellError(f"the tests cannot be run {when}: {said}")
        case _:
            return session


def _nothing_passes(session: MiningSession) -> str:
    errors = Counter(session.uncollected.values())
    errors.update(seen.error for seen in session.tests.values() if seen.error)
    most = ", ".join(f"{count} {error}" for error, count in errors.most_common(3))
    said = " ".join(session.detail.split())[-160:]
    return f"no test passes with the fix ({most or 'none was found'}){': ' if said else ''}{said}"


def _counted(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(Counter(outcomes).items()))


def _place(name: str) -> str:
    return name.partition(":")[0]


# ── what many came to ──────────────────────────────────────────────────────────────────────────


class YieldLine(Record):
    """How many came to the same end."""

    outcome: str
    """`kept`, or what is common to a reason."""
    count: int
    seconds_each: float
    mb_each: int | None
    """Mean over those that have an image."""


def yields(attempts: Iterable[Attempt]) -> tuple[YieldLine, ...]:
    """What was kept, and what was refused by reason, the most frequent first."""
    groups: dict[str, list[Attempt]] = {"kept": []}
    for one in attempts:
        groups.setdefault("kept" if one.task else _common_part(one.reason), []).append(one)
    ordered = sorted(groups.items(), key=lambda group: (group[0] != "kept", -len(group[1])))
    return tuple(_line(outcome, members) for outcome, members in ordered)


def _common_part(reason: str) -> str:
    """A reason without what is particular to one thing."""
    return reason.partition(":")[0].partition("(")[0].strip()


def _line(outcome: str, members: list[Attempt]) -> YieldLine:
    sizes = [one.image_mb for one in members if one.image_mb is not None]
    return YieldLine(
        outcome=outcome,
        count=len(members),
        seconds_each=round(sum(one.seconds for one in members) / max(len(members), 1), 1),
        mb_each=round(sum(sizes) / len(sizes)) if sizes else None,
    )
