"""The built-in agent for models without tool calls: files shown on request, search/replace blocks.

It runs no commands. The model sees a map of the repository, asks for files, writes blocks and says
when it is done; the history only grows.
"""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from arena.agent import blocks
from arena.errors import InputError
from arena.protocols import Agent, Backend, Sandbox, Transcript
from arena.records import AgentCapabilities, Brief, Ending, File, Message, Reply
from arena.records.container import AGENT_UID

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
    skip = [word for name in _SKIPPED for word in ("-o", "-name", name)][1:]
    find = ["find", ".", "(", *skip, ")", "-prune", "-o", "-type", "f", "-print"]
    paths = _lines(sandbox, find, _FILES_LIMIT_BYTES)
    grep = ["grep", "-rIE", *(f"--exclude-dir={name}" for name in _SKIPPED), _SIGNATURE, "."]
    signatures: dict[str, list[str]] = {}
    for line in _lines(sandbox, grep, _LINES_LIMIT_BYTES):
        path, _, text = line.partition(":")
        signatures.setdefault(path, []).append(f"  {text.rstrip()[:_LONGEST_LINE]}")
    room = budget_tokens * CHARS_PER_TOKEN
    shown: dict[str, list[str]] = {}
    for path in sorted(paths, key=lambda path: (-_relevance(path, statement), path)):
        room -= len(path) + 1
        if room < 0:
            break
        shown[path] = [path]
    for path, lines in shown.items():
        cost = sum(len(line) + 1 for line in signatures.get(path, ()))
        if cost <= room:
            lines.extend(signatures.get(path, ()))
            room -= cost
    written = [line for path in sorted(shown) for line in shown[path]]
    if missing := len(paths) - len(shown):
        written.append(f"(and {missing} more files)")
    return "\n".join(written)


def _lines(sandbox: Sandbox, argv: list[str], limit_bytes: int) -> list[str]:
    """Lines that a command prints of files here, by their paths."""
    found = sandbox.exec(argv, timeout_s=_TIMEOUT_S, output_limit=limit_bytes)
    lines = found.stdout.decode("utf-8", "replace").split("\n")
    return [line.removeprefix("./") for line in lines if line]


def _relevance(path: str, statement: str) -> int:
    name = path.rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0]
    if path in statement or name in statement:
        return 3
    if stem and re.search(rf"\b{re.escape(stem)}\b", statement, re.IGNORECASE):
        return 2
    words = {word for word in re.split(r"[^a-z]+", stem.lower()) if len(word) > 3}
    return int(any(word in statement.lower() for word in words))


MAP_TOKENS = 4_000
SHOWN_CHARS = 40_000
"""Of one file; a longer one is cut at its end."""
FILE_LIMIT_BYTES = 2_000_000
FOLDER_LIMIT_BYTES = 4_000
"""Of the names in a folder."""
IDLE_TURNS = 3
"""Replies in a row that neither ask for a file nor change one, before it has given up."""

SYSTEM = """\
Session {nonce}.
You are a software engineer who repairs a bug in a repository by editing its files."""
TASK = """\
<issue>
{problem_statement}
</issue>

Change the source so that the behaviour described in the issue is right in general, not only for
the example in it. Hidden tests will check it. Do not change tests or test configuration: such
changes are discarded. You cannot run anything.

To see files, answer with their paths, one a line:

```show
path/to/file
```

To change a file, answer with its path and a block, as many as are needed:

path/to/file
<<<<<<< SEARCH
lines exactly as they are in the file
=======
lines that replace them
>>>>>>> REPLACE

The search text is whole lines that stand in the file exactly once. An empty search part makes a
new file. When the work is done, answer with the one word DONE. You have at most {steps} turns.

The repository:

{map}"""
NOTHING = "That reply held no ```show block, no search/replace block and not the word DONE alone."
TRUNCATED = "The reply was cut at the output limit. Answer in smaller steps."
APPLIED = "{count} applied. Go on, or answer DONE."
FAILED = "Nothing of that reply was applied. {why}"
FILE = "{path}\n```\n{text}\n```"
FOLDER = "{path} is a folder. It holds:\n{names}"
CUT = "\n[... {count} characters left out ...]"

_SHOW = re.compile(r"```show[ \t]*\r?\n(.*?)```", re.DOTALL)


class EditsAgent:
    """Drives a model with a repository map and search/replace blocks."""

    def __init__(self, map_tokens: int = MAP_TOKENS) -> None:
        self._map_tokens = map_tokens

    def solve(
        self, brief: Brief, sandbox: Sandbox, backend: Backend, transcript: Transcript
    ) -> Ending:
        """Show and edit files until the model is done, gives up, or a limit is reached."""
        history: list[Message] = []

        def say(*messages: Message) -> None:
            for message in messages:
                history.append(message)
                transcript.add("message", {"message": message})

        say(*self._opening(brief, sandbox))
        mistakes = idle = 0
        while True:
            reply = backend.complete(history, ())
            if reply.message:
                say(reply.message)
            if reply.stop is not None:
                return Ending(stop=reply.stop, mistakes=mistakes)
            if reply.text.strip().strip("`*.").strip().upper() == "DONE":
                return Ending(stop="submitted", mistakes=mistakes)
            answer, useful = _answer(reply, sandbox)
            mistakes += not useful
            idle = 0 if useful else idle + 1
            if idle == IDLE_TURNS:
                why = f"{idle} replies without use"
                return Ending(stop="gave_up", detail=why, mistakes=mistakes)
            say({"role": "user", "content": answer})

    def _opening(self, brief: Brief, sandbox: Sandbox) -> tuple[Message, Message]:
        statement = brief.problem_statement.strip()
        task = TASK.format(
            problem_statement=statement,
            steps=brief.limits.steps,
            map=of(sandbox, statement, self._map_tokens),
        )
        return (
            {"role": "system", "content": SYSTEM.format(nonce=brief.nonce)},
            {"role": "user", "content": task},
        )


def _answer(reply: Reply, sandbox: Sandbox) -> tuple[str, bool]:
    """What the model hears, and whether its reply was of use."""
    try:
        if found := blocks.parse(reply.text):
            _apply(found, sandbox)
            return APPLIED.format(count=f"{len(found)} block{'s' * (len(found) > 1)}"), True
    except blocks.BlockError as error:
        return FAILED.format(why=TRUNCATED if reply.truncated else str(error)), False
    wanted = [line.strip() for part in _SHOW.findall(reply.text) for line in part.split("\n")]
    if any(wanted):
        return "\n\n".join(_shown(path, sandbox) for path in wanted if path), True
    return (TRUNCATED if reply.truncated else NOTHING), False


def _apply(found: list[blocks.EditBlock], sandbox: Sandbox) -> None:
    """Apply all blocks or, with `BlockError`, none."""
    texts: dict[str, tuple[str, int]] = {}
    for block in found:
        text, mode = texts.get(block.path) or _read(block.path, sandbox)
        texts[block.path] = (blocks.apply(text, block), mode)
    for path in texts:
        if any(other.startswith(f"{path}/") for other in texts):
            raise blocks.BlockError(f"{path} cannot be a file and a folder.")
    files = [File(path=path, data=text.encode(), mode=mode) for path, (text, mode) in texts.items()]
    sandbox.put(files, owner=AGENT_UID)


def _read(path: str, sandbox: Sandbox) -> tuple[str, int]:
    """Text and mode of a file at a normal path; empty for one that is not there yet."""
    entry = sandbox.get(path, limit=FILE_LIMIT_BYTES)
    if entry.kind == "absent":
        _check_folders(path, sandbox)
        return "", 0o644
    if entry.kind == "directory":
        raise blocks.BlockError(FOLDER.format(path=path, names=_names(path, sandbox)))
    if entry.kind != "file" or entry.too_large:
        raise blocks.BlockError(f"{path} is not a file that can be edited.")
    try:
        return entry.data.decode(), entry.mode or 0o644
    except UnicodeDecodeError:
        raise blocks.BlockError(f"{path} is not text.") from None


def _check_folders(path: str, sandbox: Sandbox) -> None:
    """Raise `BlockError` where a file or a link stands above a path: writing would replace it."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        above = "/".join(parts[:count])
        kind = sandbox.get(above, limit=0).kind
        if kind == "absent":
            return
        if kind != "directory":
            raise blocks.BlockError(f"{above} is not a folder, so {path} cannot be in it.")


def _names(path: str, sandbox: Sandbox) -> str:
    argv = ["ls", "-1Ap", "--", path]
    found = sandbox.exec(argv, timeout_s=_TIMEOUT_S, output_limit=FOLDER_LIMIT_BYTES)
    names = found.stdout.decode("utf-8", "replace").rstrip("\n")
    return names + (CUT.format(count=found.truncated_bytes) if found.truncated_bytes else "")


def _shown(written: str, sandbox: Sandbox) -> str:
    try:
        path = blocks.path_of(written.rstrip("/") or written)
        text, _ = _read(path, sandbox)
    except blocks.BlockError as error:
        return str(error)
    if not text:
        return f"{path} is empty or not there."
    text = text.removeprefix(blocks.BOM)
    if len(text) > SHOWN_CHARS:
        text = text[:SHOWN_CHARS] + CUT.format(count=len(text) - SHOWN_CHARS)
    return FILE.format(path=path, text=text)


def capabilities(name: str, params: Mapping[str, JsonValue]) -> AgentCapabilities:
    """What the agent needs: a model that writes text."""
    del name, params
    return AgentCapabilities(
        label="search/replace blocks and a repository map, for models without tools",
        apis=("chat", "messages"),
    )


def make(name: str, params: Mapping[str, JsonValue]) -> Agent:
    """An edits agent; the one parameter is `map_tokens`, the budget of the repository map."""
    where = f"params of agent {name}"
    for key in params:
        if key != "map_tokens":
            raise InputError(f"unknown parameter {key!r}", where=where, remedy="known: map_tokens")
    tokens = params.get("map_tokens", MAP_TOKENS)
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 100:
        raise InputError("map_tokens must be a whole number from 100 on", where=where)
    return EditsAgent(tokens)
