"""The problem statement of a mined task: the text of an issue, a request, a note or the commit.

Lines that would give the fix away are left out; what no machine can tell is left to a person, so
every statement that was made of a commit message is tagged for review.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.records import File, Provenance, Record
from arena.task.checking.leaks import (
    COMMIT,
    LINK,
    TELLING_CHARS,
    Secrets,
    given_away,
    lines_of_fix,
    text_of,
)
from arena.task.formats.instances import read_json_rows
from arena.task.mining.history import Commit
from arena.task.patch import parse

_TRAILER = re.compile(
    r"^(signed-off-by|co-authored-by|reviewed-by|change-id|reported-by|cc|refs?|see|sem-ver"
    r"|(close[sd]?|fix(e[sd])?|resolve[sd]?):?\s*#)\b.*",
    re.IGNORECASE,
)
_MERGE = re.compile(r"^merge (pull request|branch|remote|pr|tag)\b.*", re.IGNORECASE)
_REFERENCE = re.compile(
    r"\(?(\b(close[sd]?|fix(e[sd])?|resolve[sd]?|refs?|issue|pr):?\s+)?((?<![\w.-])[\w.-]+/[\w.-]+)?[#!]\d+\)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:(?<![\w.-])[\w.-]+/[\w.-]+)?[#!]\d+\b")
"""What stands behind `owner/name` is a number of theirs, which may be this repository."""
_ADDRESS = re.compile(r"(?<![\w.-])([\w.-]+/[\w.-]+)/(?:-/)?(?:issues|pull|merge_requests)/\d+$")
_CLOSED = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(#\d+)\b", re.IGNORECASE)
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")
_TEST_NAME = re.compile(r"\b[Tt]est_?\w+")
_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_DEFINED = re.compile(
    r"\b(?:def|class|function|const|let|var|type)\s+(\w{3,})|\bfunc\s+(?:\([^()\n]*\)\s*)?(\w{3,})"
    r"|^[^\S\n]*(?:self\.|cls\.|this\.|exports\.)?(\w{3,})\s*(?::[^=\n]+)?:?=(?!=)"
    r"|[(,]\s*(\w{3,})=(?!=)",
    re.MULTILINE,
)
_LEAST_WORDS = 3
_OF_REQUESTS = frozenset(
    {"pull_request", "mergeCommit", "merge_commit_sha", "headRefName", "head", "source_branch"}
)
"""Keys that exports give to pull and merge requests alone."""


class FellError(Exception):
    """A candidate that cannot become a task; the message is the reason."""


class ProblemStatement(Record):
    """What a contestant is told."""

    title: str
    text: str
    provenance: Provenance
    left_out: tuple[str, ...] = ()
    """Lines of the message that told too much."""
    original: str = ""
    """What it said before a backend said it in other words."""


class Issue(Record):
    """An issue, or a pull or merge request, as an export has it."""

    title: str
    body: str
    request: bool = False
    """Whether it came with the change."""

    @property
    def closes(self) -> list[str]:
        """Issues that a request says it closes."""
        return _CLOSED.findall(self.body) if self.request else []


def read_issues(paths: Sequence[Path]) -> dict[str, Issue]:
    """Issues and requests by what a message calls them (`#12`; GitLab's requests `!12`; with
    `owner/name` where their address has it), requests also by the commits that brought them in.

    Read are JSON and JSON Lines of `gh` and of GitHub's and GitLab's programming interfaces.
    Raises `InputError` for a row without a number.
    """
    found: dict[str, Issue] = {}
    for row, where in (pair for path in paths for pair in read_json_rows(path)):
        number = row.get("number", row.get("iid")) if isinstance(row, dict) else None
        if number is None:
            remedy = "give number (or iid), title and body"
            raise InputError("no 'number'", where=where, remedy=remedy)
        merged = row.get("mergeCommit")
        commits = [row.get("merge_commit_sha"), row.get("squash_commit_sha")]
        commits.append(merged.get("oid") if isinstance(merged, dict) else None)
        issue = Issue(
            title=str(row.get("title") or ""),
            body=str(row.get("body") or row.get("description") or ""),
            request=not _OF_REQUESTS.isdisjoint(row),
        )
        sign = "!" if issue.request and "iid" in row else "#"
        at = _ADDRESS.search(str(row.get("html_url") or row.get("web_url") or row.get("url")))
        own = [f"{at[1]}{sign}{number}"] if at else []
        names = [f"{sign}{number}", *own, *(one for one in commits if isinstance(one, str))]
        found |= dict.fromkeys(names, issue)
    return found


@dataclass(frozen=True)
class CandidateFix:
    """What becomes of a commit: a change of the source, the tree before it, and its tests."""

    gold: str
    tree: tuple[File, ...]
    hidden: tuple[File, ...]

    @property
    def files(self) -> dict[str, File]:
        """By path: the tree with the tests over it."""
        return {file.path: file for file in (*self.tree, *self.hidden)}

    @property
    def in_src(self) -> bool:
        """Whether packages lie below `src/`."""
        return any(file.path.startswith("src/") for file in self.tree)

    @cached_property
    def secrets(self) -> Secrets:
        """Lines and test names that must not be said."""
        words = (name for file in self.hidden for name in _TEST_NAME.findall(text_of(file)))
        names = {name for name in words if len(name) >= TELLING_CHARS}
        lines = lines_of_fix(self.gold, self.tree)
        return Secrets(lines=lines, names=tuple(sorted(names - _words(self.tree))))

    @cached_property
    def new_names(self) -> set[str]:
        """Identifiers that the fix defines and no file of the tree knows."""
        lines = (line for change in parse(self.gold) for line in change.added_lines())
        found = {name for one in _DEFINED.findall("\n".join(lines)) for name in one if name}
        return found - _words(self.tree)

    @cached_property
    def interface(self) -> set[str]:
        """Those of them, and new modules, that the tests use: a contestant has to know them."""
        files = (change.new for change in parse(self.gold) if change.new and not change.old)
        modules = {PurePosixPath(path).stem for path in files} - _words(self.tree)
        return (self.new_names | modules) & _words(self.hidden)


def write_statement(
    commit: Commit, issues: Mapping[str, Issue], fix: CandidateFix
) -> ProblemStatement:
    """The statement of a candidate: of the issues that it or its request names, the request itself,
    its note and its message the first that says something. Raises `FellError` where none does.
    """
    inner = fix.new_names - fix.interface
    for issue in _issues_of(commit, issues):
        text = COMMIT.sub("", LINK.sub("", f"{issue.title}\n\n{issue.body}"))
        kept, left = _clean(text.splitlines(), fix.secrets, inner if issue.request else set())
        kept = _plain(kept) if issue.request else kept
        if _says_something(kept):
            return _made(kept, left, fix.interface, "A")
    for text in (commit.note, commit.message):
        lines = [line for line in text.strip().splitlines() if not _MERGE.match(line)]
        kept, left = _clean(lines, fix.secrets, inner)
        kept = _plain(kept)
        if _says_something(kept):
            _, *body = [line for line in kept if line.strip()]
            return _made(kept, left, fix.interface, "B" if _says_something(body) else "C")
    raise FellError("the message says nothing but the fix itself")


def _issues_of(commit: Commit, issues: Mapping[str, Issue]) -> list[Issue]:
    """What a commit and its requests name, issues first: requests speak of the change."""
    names = [*_NUMBER.findall(f"{commit.message}\n{commit.note}"), commit.sha]
    found = [issues[name] for name in names if name in issues]
    found += [issues[name] for one in found for name in one.closes if name in issues]
    return sorted(found, key=lambda one: one.request)


def leaks(text: str, fix: CandidateFix) -> list[str]:
    """What a text gives away of fix and tests, and the links and commits in it."""
    inner = (fix.new_names - fix.interface).intersection(_WORD.findall(text))
    return [*sorted(inner), *given_away(text, fix.secrets)]


def restated(statement: ProblemStatement, text: str, fix: CandidateFix) -> ProblemStatement:
    """A statement in other words, which keep the names that the tests use."""
    made = _made(text.lstrip("# ").splitlines(), (), fix.interface, "D")
    return made.model_copy(update={"original": statement.text})


def _made(
    kept: Sequence[str], left: Sequence[str], interface: set[str], provenance: Provenance
) -> ProblemStatement:
    text = "\n".join(kept).strip()
    unsaid = sorted(name for name in interface if not re.search(rf"\b{re.escape(name)}\b", text))
    if unsaid:
        text += "\n\nNames that the tests use: " + ", ".join(f"`{name}`" for name in unsaid) + "."
    title = next(line.strip() for line in kept if line.strip())
    return ProblemStatement(
        title=title[:100], text=text, provenance=provenance, left_out=tuple(left)
    )


def _plain(lines: Sequence[str]) -> list[str]:
    """A commit message without trailers, references, links and commits."""
    kept = [line for line in lines if not _TRAILER.match(line.strip())]
    return [
        re.sub(r"\s{2,}", " ", _SHA.sub("", LINK.sub("", _REFERENCE.sub("", line)))).rstrip(" :-")
        for line in kept
    ]


def _clean(lines: Sequence[str], secrets: Secrets, names: set[str]) -> tuple[list[str], list[str]]:
    """Lines that give nothing away, and those that do."""
    kept, left = list[str](), list[str]()
    for line in lines:
        held = any(secret in line for secret in (*secrets.lines, *secrets.names))
        tells = held or names.intersection(_WORD.findall(line))
        (left if tells else kept).append(line)
    return kept, left


def _says_something(lines: Sequence[str]) -> bool:
    return len(_WORD.findall(" ".join(lines))) >= _LEAST_WORDS


def _words(files: Sequence[File]) -> set[str]:
    return {word for file in files for word in _WORD.findall(text_of(file))}
