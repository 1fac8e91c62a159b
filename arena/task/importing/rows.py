"""Rows of the SWE-bench family, built from source: a local mirror and the wheels they need."""

import fnmatch
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.errors import InputError
from arena.git import GitError, make_repository, run_git
from arena.records import File, TestPlan
from arena.task.files import Draft, leads_out
from arena.task.formats.instances import (
    Instance,
    Wish,
    read_instances,
    resolve_ids,
    runs_pytest,
    wish_for,
)
from arena.task.formats.predictions import slug
from arena.task.importing.importer import (
    Imported,
    Importer,
    NotImportableError,
    Source,
    python_image,
    write_proved,
)
from arena.task.mining.history import GitHistory
from arena.task.mining.projects import Project, read_project, with_version_files
from arena.task.mining.pytest_runner import make, run_pytest
from arena.task.mining.runner import (
    Environment,
    MiningSession,
    RepositoryRun,
    RepositoryTree,
    TestRunOptions,
    has_src,
    image_of,
)
from arena.task.mining.statement import CandidateFix
from arena.task.patch import PatchError, parse
from arena.task.policy import PatchRules, is_protected, police

PYTHON = "3.11"
"""The one Python that the shipped image has."""

_RUN_SECONDS = 900.0
# What pip looks up in an index: it would build, and so run, anything that a URL or a path leads to
_PLAIN = re.compile(
    r"[A-Za-z0-9][\w.-]*\s*(\[[\w\s,.-]*\])?[\w\s.,*+!<>=~()-]*(;[^\n@/]*)?", re.ASCII
)
_ARCHIVE = re.compile(r"\.(zip|whl|egg|tar|tgz|tbz2?|txz|tlz|gz|bz2|xz|lzma)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Parts:
    """A row taken apart."""

    name: str
    fix: CandidateFix
    allow: tuple[str, ...]
    made: Environment
    how: TestRunOptions

    @property
    def touched(self) -> tuple[str, ...]:
        """Paths of its tests."""
        return tuple(file.path for file in self.fix.hidden)


def import_row(instance: Instance, source: Source) -> Imported:
    """Make one row a task, and run its gold patch and nothing against it.

    Raises:
        NotImportableError: with the reason.
        EngineError: the engine broke.
    """
    parts = _parts(instance, source)
    before, after = _sessions(parts, _places(instance, parts), source)
    plan, disagrees = _plan(instance, parts, before, after)
    draft = Draft(
        name=parts.name,
        title=_title(instance),
        language="python",
        image=parts.made.image,
        tags=("imported", instance.family),
        repository=instance.repo,
        instance_id=instance.instance_id,
        statement=instance.statement or "(no text)",
        tests=plan,
        allow=parts.allow,
        tree=parts.fix.tree,
        hidden=parts.fix.hidden,
        gold=parts.fix.gold,
    )
    write_proved(draft, source)
    return Imported(
        instance_id=instance.instance_id,
        task=parts.name,
        assurance="ids",
        disagrees=tuple(disagrees),
    )


def find_mirror(mirrors: Path, repo: str) -> Path | None:
    """The clone of `owner/name` in a folder of clones, however they are called."""
    if leads_out(repo):
        return None
    owner, _, name = repo.partition("/")
    for form in (f"{owner}__{name}", f"{owner}+{name}", f"{owner}/{name}", f"{owner}-{name}", name):
        for ending in ("", ".git", "/repo"):
            path = mirrors / (form + ending)
            if (path / "HEAD").is_file() or (path / ".git").exists():
                return path
    return None


# ── before anything runs ───────────────────────────────────────────────────────────────────────


def _parts(instance: Instance, source: Source) -> _Parts:
    wish = wish_for(instance, source.wishes)
    if instance.language not in {"python", "unknown"}:
        raise NotImportableError(f"language {instance.language}: only Python is built from source")
    name = slug(instance.instance_id)
    if not runs_pytest(instance.model_copy(update={"wish": wish})):
        raise NotImportableError("its tests are not pytest's: only a log parser could grade them")
    why = ""
    if instance.image and wish == instance.wish:
        try:
            tree, made = python_image(instance.image, name, source.out, source.engine, source.pulls)
            return _put_together(instance, wish, name, tree, made, read_project(tree).options)
        except NotImportableError as error:
            why = f"; its image: {error}"
    try:
        return _from_source(instance, wish, name, source)
    except NotImportableError as error:
        raise NotImportableError(f"{error}{why}") from None


def _from_source(instance: Instance, wish: Wish, name: str, source: Source) -> _Parts:
    if wish.python and not re.fullmatch(rf"{re.escape(PYTHON)}(\.\d+)?", wish.python):
        raise NotImportableError(f"Python {wish.python}: the image has {PYTHON}")
    mirror = find_mirror(source.mirrors, instance.repo) if source.mirrors else None
    if mirror is None:
        raise NotImportableError(f"no clone of {instance.repo} in --repos")
    try:
        history = GitHistory(mirror)
        tree = history.tree(instance.base_commit)
        version = instance.version or history.describe(instance.base_commit)
    except (GitError, InputError) as error:
        raise NotImportableError(f"commit {instance.base_commit[:12]}: {error}") from None
    project = read_project(tree).model_copy(update={"version": version})
    tree = with_version_files(tree, project)
    made = _environment(instance, source, project, wish)
    return _put_together(instance, wish, name, tree, made, project.options)


def _put_together(
    instance: Instance,
    wish: Wish,
    name: str,
    tree: tuple[File, ...],
    made: Environment,
    options: Sequence[str],
) -> _Parts:
    hidden = _patched(tree, instance.test_patch)
    return _Parts(
        name=name,
        fix=CandidateFix(instance.gold, tree, hidden),
        allow=_allowed(instance.gold, tree, hidden),
        made=made,
        how=TestRunOptions(
            plugins=(*made.plugins, *wish.plugins),
            options=(*options, *wish.options),
            test_seconds=120.0,
        ),
    )


def _environment(instance: Instance, source: Source, project: Project, wish: Wish) -> Environment:
    for one in wish.packages:
        if not _PLAIN.fullmatch(one) or _ARCHIVE.search(one):
            raise NotImportableError(f"its packages cannot be had: {one!r} is no plain requirement")
    name = slug(f"{instance.repo}-{instance.version or instance.base_commit[:7]}")
    try:
        return make(source.out, name, project, wish.packages, lambda _: None)
    except InputError as error:
        raise NotImportableError(f"its packages cannot be had: {error.line()}") from None


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
        for file in tree:
            if file.path in paths:
                (root / file.path).parent.mkdir(parents=True, exist_ok=True)
                (root / file.path).write_bytes(file.data)
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
        return tuple(
            File(path=path, data=(root / path).read_bytes())
            for path in sorted(paths)
            if (root / path).is_file() and not (root / path).is_symlink()
        )


def _allowed(gold: str, tree: Sequence[File], hidden: Sequence[File]) -> tuple[str, ...]:
    """Protected paths that the gold patch itself touches, as globs."""
    rules = PatchRules(
        graded=frozenset(file.path for file in hidden), tree=frozenset(file.path for file in tree)
    )
    try:
        paths = {path for change in parse(gold) for path in change.paths}
    except PatchError as error:
        raise NotImportableError(f"the gold patch is no diff: {error}") from None
    allow = sorted(path for path in paths if is_protected(path, rules))
    globs = tuple(re.sub(r"([*?[])", r"[\1]", path) for path in allow)
    assert all(fnmatch.fnmatchcase(path, glob) for path, glob in zip(allow, globs, strict=True))
    policed = police(gold, rules.model_copy(update={"allow": globs}))
    if policed.refused:
        raise NotImportableError(f"the gold patch would be refused: {policed.refused}")
    return globs


def _title(instance: Instance) -> str:
    lines = [line.strip("# \t") for line in instance.statement.splitlines()]
    return next((line for line in lines if line), instance.instance_id)[:100]


# ── running ────────────────────────────────────────────────────────────────────────────────────


def _places(instance: Instance, parts: _Parts) -> list[str]:
    """The test files that the test patch touches or a published id names."""
    there = {file.path for file in (*parts.fix.tree, *parts.fix.hidden)}
    ids = (*instance.fail_to_pass, *instance.pass_to_pass)
    named = (name.partition("::")[0] for name in ids)
    return list(
        dict.fromkeys(
            path for path in (*parts.touched, *named) if path in there and path.endswith(".py")
        )
    )


def _sessions(
    parts: _Parts, places: Sequence[str], source: Source
) -> tuple[MiningSession, MiningSession]:
    """Some test files without and with the gold patch."""
    try:
        root = source.out / parts.name
        image = image_of(source.engine, root, "python", parts.made.image, parts.fix.tree)
    except InputError as error:
        raise NotImportableError(f"its environment cannot be built: {error.line()}") from None
    before = RepositoryTree(image=image, hidden=parts.fix.hidden, src=has_src(parts.fix.tree))
    after = before.model_copy(update={"patch": parts.fix.gold})
    labels = {"arena.import": "1"}
    without, fixed = (
        run_pytest(RepositoryRun(source.engine, tree, parts.how, _RUN_SECONDS, labels, places))
        for tree in (before, after)
    )
    return without, fixed


def _plan(
    instance: Instance, parts: _Parts, before: MiningSession, after: MiningSession
) -> tuple[TestPlan, list[str]]:
    if after.ended != "complete":
        raise NotImportableError(f"gold: {after.ended} {' '.join(after.detail.split())[-200:]}")
    found = list(after.tests)
    shown, unknown = resolve_ids(instance.fail_to_pass, found, parts.touched)
    kept, unknown_kept = resolve_ids(instance.pass_to_pass, found, parts.touched)
    disagrees = [f"{name}: no such test" for name in (*unknown, *unknown_kept)]
    fail_to_pass: list[str] = []
    for name, ids in shown.items():
        good = [one for one in ids if after.passed(one) and not before.passed(one)]
        if not good:
            how = "fails with gold too" if not after.passed(ids[0]) else "passes without gold too"
            disagrees.append(f"{name}: {how}")
        fail_to_pass += good
    pass_to_pass = []
    for name, ids in kept.items():
        good = [one for one in ids if after.passed(one) and one not in fail_to_pass]
        if not any(after.passed(one) for one in ids):
            disagrees.append(f"{name}: fails with gold")
        pass_to_pass += good
    if not fail_to_pass:
        errors = {seen.error for seen in after.tests.values() if seen.error}
        errors |= set(after.uncollected.values())
        raise NotImportableError(
            f"no FAIL_TO_PASS holds here: {disagrees[0] if disagrees else 'none is given'}"
            f" (errors with gold: {', '.join(sorted(errors)[:3]) or 'none'})"
        )
    plan = TestPlan(
        runner="pytest",
        fail_to_pass=tuple(dict.fromkeys(fail_to_pass)),
        pass_to_pass=tuple(dict.fromkeys(pass_to_pass)),
        plugins=parts.how.plugins,
        options=parts.how.options,
        timeout_s=max(120.0, round(6 * after.wall_s)),
    )
    return plan, disagrees


IMPORTER = Importer(
    takes=lambda path: path.is_file() or any(path.glob("tasks/*/task.yaml")),
    read=read_instances,
    make=import_row,
)
