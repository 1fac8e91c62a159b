"""Rows of the SWE-bench family, built from source: a local mirror and the wheels they need."""

import glob
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from arena.errors import InputError
from arena.git import GitError, make_repository, run_git
from arena.grading.pytest_runner import as_reported
from arena.paths import SafePath
from arena.records import Assurance, File, TestPlan
from arena.serialize import well_formed
from arena.task.files import Draft, leads_out, read_files, write_files
from arena.task.formats.instances import (
    Instance,
    read_instances,
    resolve_ids,
    runner_of,
    wish_for,
)
from arena.task.formats.predictions import slug
from arena.task.importing.environments import EnvironmentNeeds, build, must_be_plain, name_of
from arena.task.importing.importer import (
    Imported,
    Importer,
    Made,
    NotImportableError,
    Source,
    find_mirror,
    write_proved,
)
from arena.task.mining.candidate import shows
from arena.task.mining.command_runner import run_tests, with_command
from arena.task.mining.history import GitHistory
from arena.task.mining.projects import read_project, with_version_files
from arena.task.mining.pytest_runner import OWN_PYTEST, is_pytest, run_pytest, unittest_command
from arena.task.mining.runner import (
    MiningSession,
    RepositoryRun,
    TestCommand,
    TestRunOptions,
    image_of,
)
from arena.task.mining.statement import CandidateFix
from arena.task.patch import PatchError, parse
from arena.task.policy import PatchRules, is_protected, police

PYTHON = "3.11"
"""The one Python that the shipped image has."""
_IDS = ("fail_to_pass", "pass_to_pass")


@dataclass(frozen=True)
class _Parts:
    """A row taken apart."""

    name: str
    fix: CandidateFix
    allow: tuple[str, ...]
    made: Made
    how: TestRunOptions
    notes: tuple[str, ...] = ()
    """What of its environment is not as the suite has it."""
    command: TestCommand | None = None
    """Where no runner of ours can run the tests."""

    @property
    def touched(self) -> tuple[str, ...]:
        """Paths of its tests."""
        return tuple(file.path for file in self.fix.hidden)


class _RunnerError(NotImportableError):
    """Another way to run the tests may do better."""


def import_row(instance: Instance, source: Source) -> Imported:
    """Make one row a task, and run its gold patch and nothing against it.

    Tests that need settings which our runner leaves out, or that what it adds between them
    disturbs, are run by the repository's own pytest.
    """
    parts = _parts(instance, source)
    try:
        return _proved(instance, parts, source)
    except _RunnerError as error:
        if parts.command is not None:
            raise
        note = f"run by its own pytest, since under ours {error}"[:200]
        own = replace(parts, command=OWN_PYTEST, notes=(*parts.notes, note))
        with suppress(NotImportableError):
            return _proved(instance, own, source)
        raise


def _proved(instance: Instance, parts: _Parts, source: Source) -> Imported:
    if parts.command == OWN_PYTEST:
        ids = {name: tuple(map(as_reported, getattr(instance, name))) for name in _IDS}
        instance = instance.model_copy(update=ids)
    before, after = _sessions(parts, _places(instance, parts), source)
    plan, seen = _plan(instance, parts, before, after)
    assurance: Assurance = "ids" if parts.command is None else "report"
    draft = Draft(
        name=parts.name,
        title=instance.title,
        language="python",
        image=parts.made.environment.image,
        tags=("imported",),
        repository=instance.repo,
        instance_id=instance.instance_id,
        assurance=assurance,
        statement=instance.statement or "(no text)",
        tests=plan,
        allow=parts.allow,
        tree=parts.fix.tree,
        hidden=parts.fix.hidden,
        gold=parts.fix.gold,
    )
    try:
        more = write_proved(draft, source)
    except NotImportableError as error:
        raise _RunnerError(str(error)) from None
    notes = [*seen.notes, *parts.notes, *more]
    if well_formed(instance.statement) != instance.statement:
        notes.append("bytes of its statement that are no text stand as \N{REPLACEMENT CHARACTER}")
    done = {"task": parts.name, "assurance": assurance, "notes": tuple(notes)}
    return seen.model_copy(update=done)


# ── before anything runs ───────────────────────────────────────────────────────────────────────


def _parts(instance: Instance, source: Source) -> _Parts:
    as_given = instance.wish
    instance = instance.model_copy(update={"wish": wish_for(instance, source.wishes)})
    if instance.language not in {"python", "unknown"}:
        raise NotImportableError(f"language {instance.language}: only Python is built from source")
    if runner_of(instance) is None:
        raise NotImportableError(
            "its tests are neither pytest's nor unittest's: only a log parser could grade them"
        )
    why = ""
    if instance.image and instance.wish == as_given:
        try:
            made = source.pulled(instance.image, slug(instance.instance_id))
            return _put_together(instance, made.generated, made, source)
        except NotImportableError as error:
            why = f"; its image: {error}"
    try:
        return _from_source(instance, source)
    except NotImportableError as error:
        raise NotImportableError(f"{error}{why}") from None


def _from_source(instance: Instance, source: Source) -> _Parts:
    wish = instance.wish
    must_be_plain(wish.packages)
    mirror = find_mirror(source.request.repos, instance.repo) if source.request.repos else None
    if mirror is None:
        raise NotImportableError(f"no clone of {instance.repo} in --repos")
    try:
        history = GitHistory(mirror)
        tree = history.tree(instance.base_commit)
        version = instance.version or history.describe(instance.base_commit)
        date = history.date(instance.base_commit)
    except (GitError, InputError) as error:
        raise NotImportableError(f"commit {instance.base_commit[:12]}: {error}") from None
    project = read_project(tree).model_copy(update={"version": version})
    tree = with_version_files(tree, project)
    needs = EnvironmentNeeds(project, wish, date)
    version = instance.version or instance.base_commit[:7]
    shared = slug(name_of(instance.repo, version, needs))
    made = source.environments.get(shared, lambda: build(source, shared, tree, needs))
    notes = tuple(f"left out: {one}" for one in made.environment.left_out)
    if wish.python and not re.fullmatch(rf"{re.escape(PYTHON)}(\.\d+)?", wish.python):
        notes = (f"Python {PYTHON} stands for {wish.python}", *notes)
    known = {file.path for file in tree}
    whole = (*tree, *(file for file in made.generated if file.path not in known))
    return replace(_put_together(instance, whole, made, source), notes=notes)


def _put_together(instance: Instance, tree: tuple[File, ...], made: Made, source: Source) -> _Parts:
    wish, project = instance.wish, read_project(tree)
    hidden = _patched(tree, instance.test_patch)
    plugins = (*made.environment.plugins, *project.plugins, *wish.plugins)
    command = OWN_PYTEST if is_pytest(tree) else None
    if command is None and runner_of(instance) == "unittest":
        files = [file.path for file in hidden if file.path.endswith(".py")]
        command = unittest_command(tree, files)
    return _Parts(
        name=slug(instance.instance_id),
        fix=CandidateFix(instance.gold, tree, hidden),
        allow=_allowed(instance.gold, tree, hidden),
        made=made,
        how=TestRunOptions(
            plugins=tuple(dict.fromkeys(plugins)),
            options=(*project.options, *wish.options),
            test_seconds=source.request.test_seconds,
        ),
        command=command,
    )


def _patched(tree: Sequence[File], patch: str) -> tuple[File, ...]:
    """Files of a tree that a patch touches, as they are after it; binary ones too."""
    try:
        changes = parse(patch)
    except PatchError as error:
        raise NotImportableError(f"the test patch is no diff: {error}") from None
    paths = {path for change in changes for path in change.paths}
    if not paths:
        raise NotImportableError("the test patch is empty")
    if any(map(leads_out, paths)):
        raise NotImportableError("the test patch leaves the tree")
    with tempfile.TemporaryDirectory(prefix="arena-import-") as scratch:
        root, own = Path(scratch, "tree"), Path(scratch, "own")
        root.mkdir()
        write_files(root, [file for file in tree if file.path in paths])
        make_repository(own)
        try:
            run_git(
                ["apply", "--whitespace=nowarn", "-"],
                cwd=root,
                git_dir=own,
                stdin=patch.encode("utf-8", "surrogateescape"),
            )
        except GitError as error:
            raise NotImportableError(f"the test patch does not apply: {error}") from None
        return read_files(SafePath(root), lambda path: (root / path).is_symlink())


def _allowed(gold: str, tree: Sequence[File], hidden: Sequence[File]) -> tuple[str, ...]:
    """Protected paths that the gold patch itself touches, as globs."""
    rules = PatchRules(
        graded=frozenset(file.path for file in hidden), tree=frozenset(file.path for file in tree)
    )
    try:
        paths = {path for change in parse(gold) for path in change.paths}
    except PatchError as error:
        raise NotImportableError(f"the gold patch is no diff: {error}") from None
    globs = tuple(glob.escape(path) for path in sorted(paths) if is_protected(path, rules))
    policed = police(gold, rules.model_copy(update={"allow": globs}))
    if policed.refused:
        raise NotImportableError(f"the gold patch would be refused: {policed.refused}")
    return globs


# ── running ────────────────────────────────────────────────────────────────────────────────────


def _places(instance: Instance, parts: _Parts) -> list[str]:
    """The test files that the test patch touches or a published id names."""
    there = {file.path for file in (*parts.fix.tree, *parts.fix.hidden)}
    ids = (*instance.fail_to_pass, *instance.pass_to_pass)
    named = dict.fromkeys((*parts.touched, *(name.partition("::")[0] for name in ids)))
    return [path for path in named if path in there and path.endswith(".py")]


def _sessions(
    parts: _Parts, places: Sequence[str], source: Source
) -> tuple[MiningSession, MiningSession]:
    """Some test files without and with the gold patch."""
    try:
        root = source.out / parts.name
        name = parts.made.environment.image
        image = image_of(source.engine, root, "python", name, parts.fix.tree).id
    except InputError as error:
        raise NotImportableError(f"its environment cannot be built: {error.line()}") from None
    run = RepositoryRun(
        engine=source.engine,
        image=image,
        how=parts.how,
        timeout_s=source.request.run_seconds,
        labels={"arena.import": "1"},
        fix=parts.fix,
        places=places,
    )
    look = partial(run_tests, parts.command) if parts.command else run_pytest
    return look(run), look(replace(run, fixed=True))


def _plan(
    instance: Instance, parts: _Parts, before: MiningSession, after: MiningSession
) -> tuple[TestPlan, Imported]:
    """Published tests that hold here, and what is said of the others."""
    if after.ended != "complete":
        raise _RunnerError(f"gold: {after.ended} {' '.join(after.detail.split())[-200:]}")
    found = list(after.tests)
    shown = resolve_ids(instance.fail_to_pass, found, parts.touched)
    kept = resolve_ids(instance.pass_to_pass, found, parts.touched)
    in_shown, in_kept = chain(*shown.values()), chain(*kept.values())
    reasons = {one: why for one in in_shown if (why := _why(one, before, after))}
    # Where nothing ran without gold, what passes with it is taken
    bare = before.passed if before.tests else after.passed
    good = [one for one in in_kept if one not in reasons and after.passed(one) and bare(one)]
    holds = {*reasons, *good}
    lost = {name: "no such test" for name in instance.fail_to_pass if name not in shown}
    lost_kept = {name: "no such test" for name in instance.pass_to_pass if name not in kept}
    for name, ids in shown.items():
        if not reasons.keys() & {*ids}:
            lost[name] = _not_shown(ids[0], before, after)
    for name, ids in kept.items():
        if not holds & {*ids}:
            passes = any(map(after.passed, ids))
            lost_kept[name] = "fails without gold too" if passes else "fails with gold"
    disagrees = [f"{name}: {why}" for name, why in (*lost.items(), *lost_kept.items())]
    if not reasons:
        kind = NotImportableError if any(map(after.passed, found)) else _RunnerError
        raise kind(_nothing_shows(disagrees, parts, after))
    # Where a test hangs, every failing run takes this long at least
    least_s = max(30.0, parts.how.test_seconds) if "timeout" in reasons.values() else 120.0
    plan = TestPlan(
        runner="command" if parts.command else "pytest",
        fail_to_pass=tuple(reasons),
        pass_to_pass=tuple(dict.fromkeys(good)),
        plugins=parts.how.plugins,
        options=parts.how.options,
        timeout_s=max(least_s, round(6 * after.wall_s)),
    )
    if parts.command:
        plan = with_command(plan, parts.command, _places(instance, parts))
    notes, many = [], len(instance.pass_to_pass)
    if lost:
        notes.append(f"{len(lost)} of {len(instance.fail_to_pass)} FAIL_TO_PASS do not hold here")
    if 2 * len(lost_kept) >= many > 0:
        notes.append(f"{len(lost_kept)} of {many} PASS_TO_PASS do not hold here")
    return plan, Imported(
        instance_id=instance.instance_id,
        disagrees=tuple(disagrees),
        reasons=reasons,
        notes=tuple(notes),
        image_mb=parts.made.image_mb,
    )


def _why(name: str, before: MiningSession, after: MiningSession) -> str:
    """Why a test that passes with gold fails without it; empty where it does not show the fix."""
    if not after.passed(name) or before.passed(name):
        return ""
    if name not in before.tests and before.ended == "timeout":
        return ""
    return shows(name, before) or "missing"


def _not_shown(name: str, before: MiningSession, after: MiningSession) -> str:
    if not after.passed(name):
        return "fails with gold too"
    return "passes without gold too" if before.passed(name) else "was not reached without gold"


def _nothing_shows(disagrees: Sequence[str], parts: _Parts, after: MiningSession) -> str:
    errors = {*(seen.error for seen in after.tests.values()), *after.uncollected.values()} - {""}
    first = disagrees[0] if disagrees else "none is given"
    told = f"errors with gold: {', '.join(sorted(errors)[:3]) or 'none'}"
    return "; ".join(
        [
            f"no FAIL_TO_PASS holds here: {first} ({told})",
            *parts.notes,
            *filter(None, [after.detail]),
        ]
    )


IMPORTER = Importer(
    takes=lambda path: path.is_file() or any(path.glob("tasks/*/task.yaml")),
    read=read_instances,
    make=import_row,
)
