"""The projects of a repository: what each is written in, and the steps that concern it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from arena.errors import InputError
from arena.git import GitError
from arena.records import BackendSpec, File
from arena.task.formats.predictions import slug
from arena.task.mining.go_runner import GO
from arena.task.mining.history import Commit, GitHistory, purpose
from arena.task.mining.node_runner import JAVASCRIPT, javascript_of
from arena.task.mining.projects import Project
from arena.task.mining.pytest_runner import PYTHON
from arena.task.mining.runner import LanguageSupport
from arena.task.mining.statement import Issue

LANGUAGES = (PYTHON, JAVASCRIPT, GO)
"""The languages that can be mined."""
_ASIDE = frozenset(
    {"node_modules", "vendor", "examples", "example", "docs", "doc", "tests", "test", "fixtures"}
    | {"testdata", "__fixtures__", "templates", "benchmarks"}
)
"""Folders in which manifests belong to no project of the repository's own."""


@dataclass(frozen=True)
class MiningRequest:
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
    command: LanguageSupport | None = None
    """A team's own command and image, instead of what the repository's files say."""
    issues: Mapping[str, Issue] = field(default_factory=dict)
    keep_underspecified: bool = False
    """Keep candidates whose tests need what their statement does not tell, marked as such."""
    rewrite: BackendSpec | None = None
    """Says each statement in other words."""
    rewrite_usd: Decimal | None = None
    """Most that rewriting may cost; no limit when None."""
    jobs: int = 2


@dataclass(frozen=True)
class Subproject:
    """One project of a repository, and the steps of the history that concern it."""

    name: str
    """By itself, else that of the clone's folder."""
    folder: str
    """Below what is mined, with `/` at its end; empty at its top."""
    support: LanguageSupport
    project: Project
    history: GitHistory
    steps: Sequence[Commit]


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
