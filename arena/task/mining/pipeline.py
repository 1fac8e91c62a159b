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
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import get_args

from arena.errors import InputError
from arena.git import GitError
from arena.money.prices import SHIPPED_FX
from arena.paths import SafePath
from arena.records import File, Record
from arena.sandbox.engine import DockerEngine
from arena.serialize import json_lines, lines_writer, shaped, well_formed
from arena.task.files import write_pack
from arena.task.formats.predictions import slug
from arena.task.mining.candidate import (
    CandidateOutcome,
    Miner,
    Stage,
    YieldLine,
    name_of,
    yields,
)
from arena.task.mining.go_runner import GO
from arena.task.mining.history import Commit, GitHistory, purpose
from arena.task.mining.node_runner import JAVASCRIPT, javascript_of
from arena.task.mining.pytest_runner import PYTHON
from arena.task.mining.rewrite import LEDGER, REWRITTEN, Rewriter, Rewriting
from arena.task.mining.runner import LanguageSupport, MiningRequest, Say, Subproject

LOG = "mining.jsonl"
SUMMARY = "mining.json"

LANGUAGES = (PYTHON, JAVASCRIPT, GO)
"""The languages that can be mined."""
_ASIDE = frozenset(
    {"node_modules", "vendor", "examples", "example", "docs", "doc", "tests", "test", "fixtures"}
    | {"testdata", "__fixtures__", "templates", "benchmarks"}
)
"""Folders in which manifests belong to no project of the repository's own."""


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
    _remove_unfinished(out, done, {commit.sha for commit, _ in steps})
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
    (SafePath(out) / SUMMARY).write(found.model_dump_json(indent=1) + "\n")
    return found


def _attempts(
    todo: Sequence[tuple[Miner, Commit]], request: MiningRequest, say: Say
) -> Iterator[CandidateOutcome]:
    """Candidates taken as far as they go, each written down as it ends."""
    lock = threading.Lock()

    def one(attempt: tuple[Miner, Commit]) -> CandidateOutcome:
        miner, commit = attempt
        outcome = miner.attempt(commit)
        with lock, TextIOWrapper((SafePath(request.out) / LOG).open("ab"), "utf-8") as log:
            lines_writer(log).write(well_formed(outcome.model_dump(mode="json")))
        return outcome

    with ThreadPoolExecutor(request.jobs, thread_name_prefix="mine") as pool:
        for number, outcome in enumerate(pool.map(one, todo), 1):
            what = outcome.task or f"{outcome.stage}: {outcome.reason}"
            what += f", {outcome.rewrite}" if outcome.rewrite else ""
            say(f"[{number}/{len(todo)}] {outcome.commit[:9]} {what} ({outcome.seconds:.0f} s)")
            yield outcome


def _remove_unfinished(
    out: Path, done: Mapping[tuple[str, str], CandidateOutcome], commits: Collection[str]
) -> None:
    """Remove what a killed run left of candidates: other tasks of the pack are somebody's work."""
    finished = {one.task for one in done.values()}
    endings = tuple(name_of("", commit) for commit in commits)
    for folder in out.glob("*/repo"):
        name = folder.parent.name
        if name not in finished and name.endswith(endings):
            shutil.rmtree(folder.parent)


def _read_log(out: Path) -> list[CandidateOutcome]:
    """Earlier outcomes; a torn last line is as if it were not there."""
    path = SafePath(out) / LOG
    if not path.is_file():
        return []
    whole, end, torn = path.read_bytes().rpartition(b"\n")
    if torn:
        path.write(whole + end)

    def broken(number: int, what: str) -> None:
        where = f"{path}: line {number}"
        raise InputError(f"not JSON ({what})", where=where, remedy="take the line out")

    rows, remedy = json_lines(whole.split(b"\n"), broken), "take the line out"
    return [
        shaped(row, CandidateOutcome, where=f"{path}: line {number}", remedy=remedy)
        for number, row in rows
    ]


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


# ── the projects of a repository ───────────────────────────────────────────────────────────────


def parts_of(request: MiningRequest) -> list[Subproject]:
    """The projects that have candidates. Raises `InputError` for none, or flags that do not fit."""
    whole, newest = GitHistory(request.repo), tuple[File, ...]()
    found: Mapping[str, LanguageSupport] = {}
    where = str(request.repo)
    if steps := whole.steps(since=request.since, until=request.until, paths=request.paths):
        newest = _newest_tree(whole, steps, where)
        found = {"": request.command} if request.command else projects_of(newest, where)
    parts = [part for folder in found if (part := _part(request, folder, found, newest)).steps]
    if not parts:
        remedy = "widen --since, --until or --paths"
        raise InputError("no commit changes both source and tests", where=where, remedy=remedy)
    if request.arguments and any(part.support.runner != "pytest" for part in parts):
        where = ", ".join(part.support.language for part in parts)
        raise InputError("--test is for pytest", where=where, remedy="leave it out")
    if request.install and len(parts) > 1:
        where = ", ".join(part.folder or "the top" for part in parts)
        raise InputError("--install is for one project", where=where, remedy="mine each folder")
    return parts


def _part(
    request: MiningRequest,
    folder: str,
    found: Mapping[str, LanguageSupport],
    newest: Sequence[File],
) -> Subproject:
    below = [other for other in found if other != folder and other.startswith(folder)]
    others = tuple(other.removeprefix(folder) for other in below)
    history, support = GitHistory(request.repo, folder, others), found[folder]
    paths = [path.removeprefix(folder) for path in request.paths if path.startswith(folder)]
    inside = not request.paths or paths or any(folder.startswith(path) for path in request.paths)
    project = support.read(_below(newest, folder, others))
    steps: Sequence[Commit] = ()
    if inside:
        steps = history.steps(since=request.since, until=request.until, paths=paths)
    name = slug(project.name or request.repo.resolve().name) or "repository"
    return Subproject(name, folder, support, project, history, steps)


def projects_of(tree: Sequence[File], where: str) -> dict[str, LanguageSupport]:
    """The projects of a repository by their folders: the top, or each folder with a manifest.

    A folder inside a project of the same language is part of it (a workspace's packages are tested
    from its top). Raises `InputError` where nothing is in a language of ours.
    """
    manifests: dict[str, set[str]] = defaultdict(set)
    for file in tree:
        folder, _, name = file.path.rpartition("/")
        if not any(part in _ASIDE for part in folder.split("/")):
            manifests[f"{folder}/" if folder else ""].add(name)
    found: dict[str, LanguageSupport] = {}
    for folder in sorted(manifests, key=lambda path: (path.count("/"), path)):
        of = [one for one in LANGUAGES if manifests[folder].intersection(one.manifests)]
        if not of:
            continue
        inside = _below(tree, folder, ())
        above = {found[up].language for up in found if folder.startswith(up)}
        tests = [file.path for file in inside if purpose(file.path) == "test"]
        written = [one for one in of if any(path.endswith(one.suffixes) for path in tests)]
        if any(one.language not in above for one in written):
            found[folder] = language_of(inside, where)
    return found or {"": language_of(tree, where)}


def _below(tree: Sequence[File], folder: str, others: tuple[str, ...]) -> tuple[File, ...]:
    """The files of a folder, with paths relative to it, less those of folders in it."""
    inside = (
        file.model_copy(update={"path": file.path.removeprefix(folder)})
        for file in tree
        if file.path.startswith(folder)
    )
    return tuple(file for file in inside if not file.path.startswith(others))


def language_of(tree: Sequence[File], where: str) -> LanguageSupport:
    """The language with the most code. Raises `InputError` where none is of ours."""
    top = {file.path for file in tree}
    counts = {
        one: sum(file.path.endswith(one.suffixes) for file in tree)
        for one in [one for one in LANGUAGES if top.intersection(one.manifests)] or LANGUAGES
    }
    best = max(counts, key=counts.__getitem__)
    if not counts[best]:
        what = f"no program text of {', '.join(one.language for one in LANGUAGES)}"
        raise InputError(what, where=where, remedy="name a command of your own with --with")
    return javascript_of(tree) if best is JAVASCRIPT else best


def _newest_tree(history: GitHistory, chosen: Sequence[Commit], where: str) -> tuple[File, ...]:
    """The tree of the newest commit that can be read."""
    errors = []
    for commit in chosen:
        try:
            return history.tree(commit.sha)
        except GitError as error:
            errors.append(error)
    remedy = "give the folder of a whole local clone"
    raise InputError(f"no commit can be read ({errors[0]})", where=where, remedy=remedy)
