"""A repository in few words: its files, and the signatures in them, within a token budget."""

import re
from collections.abc import Mapping, Sequence

from arena.protocols import Sandbox

CHARS_PER_TOKEN = 4
_TIMEOUT_S = 30.0
_FILES_LIMIT_BYTES = 400_000
_LINES_LIMIT_BYTES = 2_000_000
_SIGNATURE = (
    r"^\s*(export\s+)?(default\s+)?(pub(\([a-z]+\))?\s+)?(public|private|protected|static|async)?"
    r"\s*(def|class|function|func|fn|interface|type|struct|enum|trait|impl)\s+[A-Za-z_(]"
)
_LONGEST_LINE = 160
_SKIPPED = (".git", "node_modules", "__pycache__", ".venv", "dist", "build")


def of(sandbox: Sandbox, statement: str, budget_tokens: int) -> str:
    """The map: every path that fits, with signatures for as many files as fit.

    Files that the statement names come first, then those whose names share words with it.
    """
    paths = _paths(sandbox)
    signatures = _signatures(sandbox)
    order = sorted(paths, key=lambda path: (-_relevance(path, statement), path))
    room = budget_tokens * CHARS_PER_TOKEN
    listed: list[str] = []
    for path in order:
        room -= len(path) + 1
        if room < 0:
            break
        listed.append(path)
    shown: dict[str, Sequence[str]] = {}
    for path in listed:
        lines = signatures.get(path, ())
        cost = sum(len(line) + 3 for line in lines)
        if lines and cost <= room:
            shown[path] = lines
            room -= cost
    return _written(sorted(listed), shown, len(paths) - len(listed))


def _written(paths: Sequence[str], shown: Mapping[str, Sequence[str]], missing: int) -> str:
    lines = []
    for path in paths:
        lines.append(path)
        lines += [f"  {line}" for line in shown.get(path, ())]
    if missing:
        lines.append(f"(and {missing} more files)")
    return "\n".join(lines)


def _paths(sandbox: Sandbox) -> list[str]:
    skip = [word for name in _SKIPPED for word in ("-name", name, "-o")][:-1]
    found = sandbox.exec(
        ["find", ".", "(", *skip, ")", "-prune", "-o", "-type", "f", "-print"],
        timeout_s=_TIMEOUT_S,
        output_limit=_FILES_LIMIT_BYTES,
    )
    lines = found.stdout.decode("utf-8", "replace").splitlines()
    return [line.removeprefix("./") for line in lines]


def _signatures(sandbox: Sandbox) -> dict[str, list[str]]:
    found = sandbox.exec(
        ["grep", "-rIE", *(f"--exclude-dir={name}" for name in _SKIPPED), _SIGNATURE, "."],
        timeout_s=_TIMEOUT_S,
        output_limit=_LINES_LIMIT_BYTES,
    )
    by_path: dict[str, list[str]] = {}
    for line in found.stdout.decode("utf-8", "replace").splitlines():
        path, _, text = line.removeprefix("./").partition(":")
        by_path.setdefault(path, []).append(text.rstrip()[:_LONGEST_LINE])
    return by_path


def _relevance(path: str, statement: str) -> int:
    name = path.rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0]
    if path in statement or name in statement:
        return 3
    if stem and re.search(rf"\b{re.escape(stem)}\b", statement, re.IGNORECASE):
        return 2
    words = {word for word in re.split(r"[^a-z]+", stem.lower()) if len(word) > 3}
    return int(any(word in statement.lower() for word in words))
