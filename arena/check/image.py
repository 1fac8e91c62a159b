"""The leak audit of a task's image: its history, its leftovers, its layers, its whole disk."""

from collections import defaultdict
from collections.abc import Iterator

from arena.check.finding import Finding
from arena.check.secrets import Secrets, are_the_fix, secrets_of
from arena.protocols import Sandbox
from arena.records import Task
from arena.records.container import AGENT_USER
from arena.sandbox.image.store import Store
from arena.task import pack
from arena.task.tree import is_leftover
from arena.verify import Bench

_SECONDS = 120.0
_OUTPUT = 8 << 20
_NO_HISTORY = (
    *("objects/info/alternates", "refs/stash", "logs/refs/stash", "worktrees", "modules"),
    *("FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "shallow"),
)
_SEARCH = (
    "grep -raoFH -f - --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev / 2>/dev/null; true"
)
_FILES = "find . -path ./.git -prune -o -type f -print0"
_KEPT = "find .git -name '*.keep' -o -name 'packed-refs'"


def audit(task: Task, bench: Bench, store: Store) -> Finding:
    """Look for anything in a task's image that no agent may see.

    Raises:
        EngineError: the engine broke.
    """
    with bench.engine.open(
        bench.image, limits=bench.limits, labels=bench.labels, user=AGENT_USER
    ) as sandbox:
        found = [
            *_history(sandbox),
            *_leftovers(sandbox, {file.path for file in pack.tree_files(task)}),
            *_seen_on_disk(sandbox, secrets_of(task)),
        ]
    found += _layers(store, bench.image)
    return Finding(task_id=task.id, look="image", ok=not found, detail="; ".join(found[:3]))


def _history(sandbox: Sandbox) -> Iterator[str]:
    """One commit, its objects and nothing else."""
    listed = _lines(sandbox, "git cat-file --batch-all-objects --batch-check='%(objecttype)'")
    reached = _lines(sandbox, "git rev-list --objects HEAD")
    commits = listed.count("commit")
    if commits != 1:
        yield f"git holds {commits} commits"
    if "tag" in listed:
        yield "git holds tags"
    if len(listed) != len(reached):
        yield f"git holds {len(listed) - len(reached)} objects that the commit does not reach"
    there = " ".join(f".git/{name}" for name in _NO_HISTORY)
    for path in _lines(sandbox, f"ls -d {there} 2>/dev/null; {_KEPT}; true"):
        yield f"{path} is there"
    if changed := _lines(sandbox, "git status --porcelain --ignored"):
        yield f"the tree is not the commit: {changed[0]}"


def _leftovers(sandbox: Sandbox, tree: set[str]) -> Iterator[str]:
    """Caches and build results, and files that are no part of the tree."""
    paths = {name.removeprefix("./") for name in _lines(sandbox, _FILES, "\0")}
    for path in sorted(paths):
        if is_leftover(path) and path not in tree:
            yield f"{path} is left over"
    if extra := sorted(paths - tree):
        yield f"{extra[0]} is no part of the tree"


def _seen_on_disk(sandbox: Sandbox, secrets: Secrets) -> Iterator[str]:
    """Files anywhere that hold a hidden test's name, or most of the fix."""
    wanted = [one for one in (*secrets.lines, *secrets.names) if one]
    if not wanted:
        return
    done = sandbox.exec(
        ["sh", "-c", _SEARCH],
        timeout_s=_SECONDS,
        output_limit=_OUTPUT,
        user="root",
        stdin="\n".join(wanted).encode("utf-8", "replace"),
    )
    held: dict[str, set[str]] = defaultdict(set)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        path, _, what = line.partition(":")
        held[path].add(what)
    for path, lines in sorted(held.items()):
        names = lines.intersection(secrets.names)
        if names:
            yield f"{path} holds the name {min(names)!r}"
        if are_the_fix(lines - names, secrets):
            yield f"{path} holds the fix: {max(lines - names, key=len)!r}"


def _layers(store: Store, image: str) -> Iterator[str]:
    own, below = store.layers(image)
    if own[: len(below)] != below or len(own) != len(below) + 1:
        yield f"the image has {len(own)} layers on the {len(below)} of the image it stands on"


def _lines(sandbox: Sandbox, command: str, end: str = "\n") -> list[str]:
    done = sandbox.exec(["sh", "-c", command], timeout_s=_SECONDS, output_limit=_OUTPUT)
    text = done.stdout.decode("utf-8", "replace")
    return [part for part in text.split(end) if part.strip()]
