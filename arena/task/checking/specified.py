"""What hidden tests ask of a fix by name, and neither the statement nor the tree tells.

Nobody can guess how a flag is spelled: such a task measures luck. A name, a flag or a message
counts where three things hold: the fix brings it, a test that must pass uses it, and it stands
nowhere in the statement or in the tree before the fix. Python is read by its syntax, other
languages by their tokens; what is in doubt does not count.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from arena.records import File, Task
from arena.task import pack
from arena.task.checking.leaks import TELLING_CHARS, Finding, text_of
from arena.task.patch import FilePatch, PatchError, parse

_SHOWN = 3
_MOST_MESSAGES = 3000
"""Each of one side is looked for in each of the other."""
_AT = re.compile(r"@@ -(\d+)(,0)? ?")
_NAME = re.compile(r"[A-Za-z_][\w-]{2,}")
_OF_PYTHON = re.compile(r"__\w+__")
"""`__main__`, `__eq__`: whoever knows the language knows them."""
_ODD = re.compile(r"(?<![\w-])[A-Za-z]+(?:[_-]\w+|[a-z\d][A-Z]\w*)")
"""A word that nobody writes by chance: `dry_run`, `dry-run`, `dryRun`."""
_KEY = re.compile(r"^[ \t]*[\"']?([A-Za-z_][\w-]{2,})[\"']?\s*[=:]", re.MULTILINE)
_FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_TOLD_FLAG = re.compile(
    r"(?:(?:flag|option|switch)\W{1,3}|[`'\"])([\w-]+)"
    r"|(?<![\w-])([\w-]+)(?=\W{1,3}(?:flag|option|switch))"
)
"""What a text calls a flag, or sets apart, without its dashes."""
_BLANK = re.compile(r"\$?\{[^{}]*\}|%[sdr]")
"""What a template fills in."""
_TEXT = re.compile(
    r"//[^\n]*|/\*(?:.*?\*/|.*)"
    r"|(`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
    r"|`.*|[\"'][^\n]*",
    re.DOTALL,
)
"""What has no end is passed over, or each place of it would be looked at for one."""
_OWN = re.compile(
    r"\b(?:function|const|let|var|type|class|interface|enum|func|fn|struct|trait)\s+(\w{3,})"
)
_DEFINES = re.compile(
    rf"{_OWN.pattern}|\bfunc\s+\([^()\n]*\)\s*(\w{{3,}})|\b(?:this|exports)\.(\w{{3,}})\s*=(?!=)"
    r"|^[ \t]*(?:(?:async|static|get|set|public|readonly)\s+)*"
    r"(?!(?:catch|default|for|return|switch|while|with)\b)(\w{3,})\s*"
    r"(?:\([^()\n]*\)[^;{}\n]*\{|\??:|\s[\w\[\]*.]+$)",
    re.MULTILINE,
)
_USES = re.compile(r"\.(\w{3,})|[{,]\s*(\w{3,})\s*(?=[:,}])|\b(\w{3,})\s*\(")


def look(task: Task) -> Finding:
    """Whether a task tells all that its tests need, or says in its file that it does not."""
    files = pack.gold_patch(task) or "", pack.tree_files(task), pack.hidden_files(task)
    found = unsaid(task.problem_statement, *files, task.tests.fail_to_pass)
    ok = set(found) <= set(task.underspecified)
    detail = told(found) + (", as the task says" if ok else "") if found else ""
    return Finding(task_id=task.id, look="specified", ok=ok, detail=detail)


def told(needed: Sequence[str]) -> str:
    """In words what is not said."""
    more = f" and {len(needed) - _SHOWN} more" if len(needed) > _SHOWN else ""
    return f"underspecified: its tests need {', '.join(map(repr, needed[:_SHOWN]))}{more}"


def unsaid(
    statement: str,
    gold: str,
    tree: Sequence[File],
    hidden: Sequence[File],
    fail_to_pass: Sequence[str],
) -> tuple[str, ...]:
    """Names, flags and messages that the tests need and nobody tells, sorted.

    The tree is that before the fix. Test functions that no id of pytest in FAIL_TO_PASS names are
    left out.
    """
    texts = {file.path: text_of(file) for file in tree}
    try:
        changes = parse(gold)
    except PatchError:
        return ()
    brought = _joined(_brought(one, texts.get(one.old or "", "")) for one in changes)
    deciding = {word for one in fail_to_pass if "::" in one for word in re.findall(r"\w+", one)}
    used = _joined(_used(file.path, text_of(file), deciding) for file in hidden)
    flags = {one for text in used.texts for one in _FLAG.findall(text) if _is_flag(one, brought)}
    names = used.names & brought.names | _literals(used.texts) & _literals(brought.texts)
    names = {one for one in names if not _OF_PYTHON.fullmatch(one)}
    messages = set(_messages(used.texts, brought.texts))
    if not (flags or names or messages):
        return ()
    said = "\n".join((statement, *texts, *texts.values()))
    words = set(re.findall(r"[\w-]+", said))
    names -= words.union(*(re.split("-+", word) for word in words if "-" in word))
    named = {match[1] or match[2] for match in _TOLD_FLAG.finditer(statement)}
    plain = _plain(said)
    return tuple(
        sorted(
            {one for one in flags - words if one.lstrip("-") not in named}
            | {one for one in names if one.replace("-", "_") not in words}
            | {one for one in messages if _plain(one) not in plain}
        )
    )


def _is_flag(flag: str, brought: "_Named") -> bool:
    """Whether a fix brings a flag, as it is or by the name of a parameter."""
    if any(flag in _FLAG.findall(text) for text in brought.texts):
        return True
    bare = flag.lstrip("-")
    long = flag.startswith("--") and len(bare) > 2
    return long and (bare in brought.texts or bare.replace("-", "_") in brought.names)


def _literals(texts: Iterable[str]) -> set[str]:
    """Names in string literals: whole ones, keys of a setting, and words of an odd form."""
    whole = {one for one in texts if _NAME.fullmatch(one)}
    return whole.union(*(_KEY.findall(one) + _ODD.findall(one) for one in texts))


def _messages(used: Iterable[str], brought: Iterable[str]) -> Iterator[str]:
    """Sentences that a fix says and a test expects word by word."""
    pieces = {piece.strip() for text in brought for piece in _BLANK.split(text)}
    texts = {text.replace("\\", "").strip() for text in used}
    said, expected = (
        sorted(one for one in of if len(one) >= TELLING_CHARS and " " in one)[:_MOST_MESSAGES]
        for of in (pieces, texts)
    )
    for text in expected:
        yield from (min(one, text, key=len) for one in said if one in text or text in one)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


# ── what a file names ──────────────────────────────────────────────────────────────────────────


class _Named(NamedTuple):
    """Identifiers, and the texts of string literals."""

    names: set[str]
    texts: set[str]


def _joined(parts: Iterable[_Named]) -> _Named:
    found = list(parts)
    names = set[str]().union(*(one.names for one in found))
    return _Named(names, set[str]().union(*(one.texts for one in found)))


def _brought(change: FilePatch, old: str) -> _Named:
    """What the file of a change defines and says after it, and did not before."""
    if change.new is None or change.binary:
        return _Named(set(), set())
    python = change.new.endswith((".py", ".pyi"))
    was, now = (
        _python(text, _defined) if python else _tokens(text, _DEFINES)
        for text in (old, _applied(old, change.hunks))
    )
    modules = set() if change.old else {change.new.rpartition("/")[2].partition(".")[0]}
    return _Named((now.names - was.names) | modules, now.texts - was.texts)


def _used(path: str, text: str, deciding: set[str]) -> _Named:
    """What a test file names of others."""
    if path.endswith(".py"):
        return _python(text, _named, deciding)
    used = _tokens(text, _USES)
    return _Named(used.names - _tokens(text, _OWN).names, used.texts)


def _applied(old: str, hunks: str) -> str:
    """A text with exact hunks applied."""
    lines, new, at = old.split("\n"), list[str](), 0
    for line in hunks.split("\n"):
        if match := _AT.match(line):
            start = int(match[1]) - (not match[2])
            if start < at:  # no diff of git's: what stands twice would grow without end
                return old
            new += lines[at:start]
            at = start
        elif line.startswith(("+", " ")):
            new.append(line[1:])
        at += line.startswith(("-", " "))
    return "\n".join(new + lines[at:])


def _tokens(text: str, names: re.Pattern[str]) -> _Named:
    """Some names of code without comments and literals, and the texts of these."""
    code, literals = _TEXT.sub(" '' ", text), _TEXT.finditer(text)
    found = {name for match in names.finditer(code) for name in match.groups() if name}
    return _Named(found, {match[1][1:-1] for match in literals if match[1]})


def _python(
    text: str, names: Callable[[ast.AST], Iterable[str]], deciding: AbstractSet[str] = frozenset()
) -> _Named:
    nodes = list(_walk(text, deciding))
    literals = (node.value for node in nodes if isinstance(node, ast.Constant))
    texts = {one for one in literals if isinstance(one, str)}
    return _Named({name for node in nodes for name in names(node)}, texts)


def _walk(text: str, deciding: AbstractSet[str]) -> Iterator[ast.AST]:
    """The syntax of a Python module, less its docstrings and the tests that do not decide."""
    try:
        waiting: list[ast.AST] = [ast.parse(text)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if (
                deciding and name.startswith("test") and name not in deciding
            ):
                continue
            case ast.Expr(value=ast.Constant()):
                continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _defined(node: ast.AST) -> Iterable[str]:
    """What others can name of it: no local variable of a function."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
            return [name]
        case ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
        case ast.ClassDef(body=body) | ast.Module(body=body):
            here = [one for one in body if isinstance(one, ast.Assign | ast.AnnAssign)]
            inside = (n for one in here for n in ast.walk(one) if isinstance(n, ast.Name))
            own = [node.name] if isinstance(node, ast.ClassDef) else []
            return [*own, *(n.id for n in inside if isinstance(n.ctx, ast.Store))]
    return ()


def _named(node: ast.AST) -> Iterable[str]:
    """What it names of others."""
    match node:
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return [name]
        case ast.alias(name=name) | ast.ImportFrom(module=str(name)):
            return name.split(".")
    return ()
