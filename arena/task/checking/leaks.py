"""What must not be seen before grading: in tree and statement, in an image's history and disk."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from pydantic import Field

from arena.grading.job import Bench
from arena.protocols import Sandbox
from arena.records import File, Record, Task
from arena.records.container import AGENT_USER
from arena.sandbox.image.store import Store
from arena.task import pack
from arena.task.files import is_leftover
from arena.task.patch import parse

Look = Literal[
    "oracle",  # the gold patch passes
    "nop",  # the untouched tree fails
    "stability",  # every test ends the same way each time, in any order
    "right",  # other correct fixes pass
    "wrong",  # plausible wrong ones do not
    "cheat",  # neither does a patch that only takes tests away
    "tree",  # the tree gives nothing away
    "statement",  # neither does the problem statement
    "specified",  # it names what the tests need, or the task says that it does not
    "image",  # nor the image: its history, its layers, its file system
    "cost",  # what one verification takes
]


class Finding(Record):
    """One thing that was looked at."""

    task_id: str
    look: Look
    ok: bool
    detail: str = ""
    seconds: float | None = None
    """The longest single verification."""
    peak_mb: float | None = None
    """The most memory a container held."""
    flaky: dict[str, str] = Field(default_factory=dict)
    """Ids of unstable tests and what was seen of each."""


TELLING_CHARS = 12
"""A shorter line or name is likely to stand anywhere by chance."""

_SHARE = 0.5
_LEAST_CHARS = 40
"""Fewer characters than these stand in other people's code by chance."""
LINK = re.compile(r"<?https?://\S+")
COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_TEST_NAME = re.compile(r"\b(?:def (test_\w+)|func (Test\w+))")


class Secrets(Record):
    """What only the fix or the hidden tests hold."""

    lines: tuple[str, ...] = ()
    """Lines that the gold patch adds and the tree does not have."""
    names: tuple[str, ...] = ()
    """Names of hidden tests that no visible test has."""


def secrets_of(task: Task) -> Secrets:
    """The secrets of a task, from its files."""
    tree = pack.tree_files(task)
    same = {file.path: file.data for file in tree}
    hidden = [file for file in pack.hidden_files(task) if file.data != same.get(file.path)]
    found = (pair for file in hidden for pair in _TEST_NAME.findall(text_of(file)))
    names = dict.fromkeys("".join(pair) for pair in found)
    known = "\n".join(map(text_of, tree))
    return Secrets(
        lines=lines_of_fix(pack.gold_patch(task) or "", tree),
        names=tuple(one for one in names if len(one) >= TELLING_CHARS and one not in known),
    )


def lines_of_fix(gold: str, tree: Sequence[File]) -> tuple[str, ...]:
    """Lines that a fix adds and no file of a tree has."""
    before = {line.strip() for file in tree for line in text_of(file).splitlines()}
    added = (line.strip() for change in parse(gold) for line in change.added_lines())
    lines = (line for line in added if len(line) >= TELLING_CHARS and line not in before)
    return tuple(dict.fromkeys(lines))


def are_the_fix(lines: Collection[str], secrets: Secrets) -> bool:
    """Whether lines that stand together somewhere are most of what the fix adds."""
    chars = sum(map(len, lines))
    return chars >= max(_SHARE * sum(map(len, secrets.lines)), _LEAST_CHARS)


def lint(task: Task) -> Iterator[Finding]:
    """Look for the secrets in the tree and in the statement."""
    secrets = secrets_of(task)
    texts = {file.path: text_of(file) for file in pack.tree_files(task)}
    held = {path: {one for one in secrets.lines if one in text} for path, text in texts.items()}
    found = [f"{path}: {max(h, key=len)}" for path, h in held.items() if are_the_fix(h, secrets)]
    yield _found(task, "tree", found)
    yield _found(task, "statement", given_away(task.problem_statement, secrets))


def given_away(text: str, secrets: Secrets) -> list[str]:
    """What of the secrets a text holds, and the links and commits in it."""
    held = [one for one in (*secrets.lines, *secrets.names) if one in text]
    return [*held, *LINK.findall(text), *COMMIT.findall(text)]


def _found(task: Task, look: Look, found: Sequence[str]) -> Finding:
    detail = f"holds {found[0].strip()!r}" if found else ""
    return Finding(task_id=task.id, look=look, ok=not found, detail=detail)


def text_of(file: File) -> str:
    """A file's content, whatever it is."""
    return file.data.decode("utf-8", "replace")


_SECONDS = 120.0
_OUTPUT = 8 << 20
_SEARCH = (
    "grep -raoFH -f - --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev / 2>/dev/null; true"
)
_FILES = "find . -path ./.git -prune -o -type f -print0"
_KEPT = (
    "cd .git; ls -d objects/info/alternates refs/stash logs/refs/stash worktrees modules FETCH_HEAD"
    " ORIG_HEAD MERGE_HEAD shallow 2>/dev/null; find . -name '*.keep' -o -name packed-refs"
)


def audit(task: Task, bench: Bench, store: Store) -> Finding:
    """Look for anything in a task's image that no agent may see. Raises `EngineError`."""
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
    if listed.count("commit") != 1:
        yield f"git holds {listed.count('commit')} commits"
    if "tag" in listed:
        yield "git holds tags"
    if lost := len(listed) - len(_lines(sandbox, "git rev-list --objects HEAD")):
        yield f"git holds {lost} objects that the commit does not reach"
    for path in _lines(sandbox, _KEPT):
        yield f"git holds {path}"
    if changed := _lines(sandbox, "git status --porcelain --ignored"):
        yield f"the tree is not the commit: {changed[0]}"


def _leftovers(sandbox: Sandbox, tree: set[str]) -> Iterator[str]:
    """Caches and build results, and files that are no part of the tree."""
    paths = sorted(name.removeprefix("./") for name in _lines(sandbox, _FILES, "\0"))
    extra = [path for path in paths if path not in tree]
    yield from (f"{path} is left over" for path in extra if is_leftover(path))
    yield from (f"{path} is no part of the tree" for path in extra[:1])


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
