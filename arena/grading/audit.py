"""Looking for what deserves a person's eye, in patches and transcripts. Flags never decide."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from arena.errors import InputError
from arena.grading.names import text_of
from arena.paths import AnyPath, SafePath, safe
from arena.records import Flag, Task
from arena.serialize import json_lines, read_toml
from arena.task.pack import gold_patch, hidden_files, tree_files
from arena.task.patch import FilePatch, parse

MAX_FLAGS = 50
"""Kept of one patch or transcript; a longer list tells a person nothing more."""

_EXCERPT = 160
_TELLING = 12
"""Shortest line or name, in characters, that says more than its language does."""
_PATTERNS = Path(__file__).with_name("audit.toml")


def scan_patch(files: Iterable[FilePatch]) -> tuple[Flag, ...]:
    """Suspicious added lines, each kind once a file.

    A grep is easily evaded: this makes a queue for reviewers, nothing more.
    """
    patterns = _patterns("patches")
    found = (_flags(_added(file), patterns, f"{file.path}: ") for file in files)
    return tuple(islice(chain.from_iterable(found), MAX_FLAGS))


def transcript_flags(path: AnyPath, task: Task) -> tuple[Flag, ...]:
    """What an agent tried that a fix does not need, with the line of the transcript.

    Torn lines are passed over. The names of the task's hidden tests count: no agent can know them.
    """
    hidden = [file.path for file in hidden_files(task)]
    repo = SafePath(task.root.parent) / task.root.name / "repo"
    tree = {name for name in hidden if (repo / name).exists()}
    secret = [re.escape(name) for name in hidden if name not in tree]
    patterns = _patterns("commands") + ([("hidden-tests", "|".join(secret))] if secret else [])
    return tuple(islice(_flags(_commands(path), patterns), MAX_FLAGS))


@cache
def _patterns(of: Literal["patches", "commands"]) -> list[tuple[str, str]]:
    found = read_toml(_PATTERNS)[of]
    return [(kind, pattern) for kind, patterns in found.items() for pattern in patterns]


def refuse_hints(text: str, tasks: Iterable[Task], *, where: str) -> None:
    """Refuse an agent's own words (prompt, command, configuration file) that hold a line of a fix,
    or the name of a hidden test, of a task that it would be run on: `InputError`, naming that.
    `where` is their file and key.
    """
    plain = _plain(text)
    for task in tasks:
        known = _plain("\n".join(map(text_of, tree_files(task))))
        for secret in _secrets(task):
            if secret in plain and secret not in known:
                raise InputError(
                    f"it tells something of {task.id} that the task keeps hidden: {secret[:60]!r}",
                    where=where,
                    remedy="take it out: a run with it would measure nothing",
                )


def _secrets(task: Task) -> Iterator[str]:
    """Lines of the reference fix and names of hidden tests, where they are long enough to tell."""
    for file in parse(gold_patch(task) or ""):
        yield from (line for line in map(_plain, file.added_lines()) if len(line) >= _TELLING)
    for test_id in (*task.tests.fail_to_pass, *task.tests.must_fail):
        name = _plain(re.split(r"::|:", test_id.partition("[")[0])[-1])
        if len(name) >= _TELLING:
            yield name


def _plain(text: str) -> str:
    return " ".join(text.split())


def _flags(
    lines: Iterable[tuple[int, str]], patterns: Sequence[tuple[str, str]], file: str = ""
) -> Iterator[Flag]:
    """What the patterns find, each kind once a file or, where there is none, a text."""
    seen: set[tuple[str, str]] = set()
    for number, text in lines:
        for kind, pattern in patterns:
            match = re.search(pattern, text)
            once = (kind, file or text)
            if match and once not in seen:
                seen.add(once)
                yield Flag(kind=kind, detail=file + _short(text, match.start()), line=number)


def _added(file: FilePatch) -> Iterator[tuple[int, str]]:
    """Added lines with their line number in the new file."""
    number = 0
    for line in file.hunks.split("\n"):
        if match := re.match(r"@@ -\S+ \+(\d+)", line):
            number = int(match[1])
        elif line.startswith("+"):
            yield number, line[1:]
            number += 1
        elif not line.startswith(("-", "\\")):
            number += 1


def _commands(path: AnyPath) -> Iterator[tuple[int, str]]:
    if not (transcript := safe(path)).is_file():
        return
    for number, entry in json_lines(transcript.lines(), broken=None):
        if isinstance(entry, dict) and entry.get("kind") == "command":
            argv = entry.get("argv")
            if isinstance(argv, list):
                yield number, " ".join(str(part) for part in argv)


def _short(text: str, at: int) -> str:
    start = max(at - _EXCERPT // 2, 0)
    return " ".join(text[start : start + _EXCERPT].split())
