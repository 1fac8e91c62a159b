"""Mutations of statements: deleted, moved in or out of a block, reordered, guarded."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from .operations import shift
from .source import FUNCTIONS, Edit, Hints, Mutation, Source

Block = list[ast.stmt]
AUGMENTED = {
    ast.Add: ("+=", ("-=", "=")), ast.Sub: ("-=", ("+=", "=")), ast.Mult: ("*=", ("/=", "+=")),
    ast.Div: ("/=", ("*=",)), ast.FloorDiv: ("//=", ("/=",)), ast.BitOr: ("|=", ("&=", "=")),
    ast.BitAnd: ("&=", ("|=",)),
}  # fmt: skip


def blocks(source: Source, node: ast.AST) -> Iterator[Mutation]:
    """Mutate the statement lists that a node holds."""
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
            yield from deletions(source, body)
            yield from reorderings(source, body)
            if isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
                yield from dedent(source, node, body)
            yield from indents(source, body)


def own_lines(source: Source, node: ast.stmt) -> bool:
    """Tell whether a statement has its lines to itself."""
    start, end = source.lines(node)
    first, last = source.span(node)
    decorated = bool(getattr(node, "decorator_list", ()))
    before = "" if decorated else source.text[start:first]
    after = source.text[last:end].strip()
    return not before.strip() and (not after or after.startswith("#"))


def deletions(source: Source, body: Block) -> Iterator[Mutation]:
    """Delete one statement."""
    for node in body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if own_lines(source, node):
            start, end = source.lines(node)
            rest = "" if len(body) > 1 else f"{source.indent(node)}pass{source.newline()}"
            prior = 0.45 if not isinstance(node, (ast.Assign, ast.Return, ast.AnnAssign)) else 0.3
            yield Mutation("deleted", node.lineno, prior, (Edit(start, end, rest),))


def reorderings(source: Source, body: Block) -> Iterator[Mutation]:
    """Exchange two neighbouring statements."""
    for first, second in pairwise(body):
        plain = not isinstance(first, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom))
        docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        if plain and not docstring and own_lines(source, first) and own_lines(source, second):
            spans = source.lines(first), source.lines(second)
            texts = [source.text[start:end] for start, end in spans]
            if texts[1].endswith(("\n", "\r")):
                edits = (Edit(*spans[0], texts[1]), Edit(*spans[1], texts[0]))
                yield Mutation("reordered", first.lineno, 0.3, edits)


def moved(source: Source, node: ast.stmt, indent: str) -> str | None:
    """Return the lines of a statement at another depth, unless a string spans them."""
    start, end = source.lines(node)
    for part in ast.walk(node):
        multiline = getattr(part, "end_lineno", 0) != getattr(part, "lineno", 0)
        if multiline and isinstance(part, (ast.Constant, ast.JoinedStr)):
            return None
    old = source.indent(node)
    lines = source.text[start:end].splitlines(keepends=True)
    return "".join(indent + line[len(old) :] if line.startswith(old) else line for line in lines)


def dedent(source: Source, parent: ast.stmt, body: Block) -> Iterator[Mutation]:
    """Move the last statement of a block behind it."""
    last = body[-1]
    if len(body) > 1 and own_lines(source, last) and own_lines(source, parent):
        text = moved(source, last, source.indent(parent))
        if text is not None and getattr(parent, "orelse", None) in (None, []):
            edit = Edit(*source.lines(last), text)
            prior = 0.5 if isinstance(parent, (ast.For, ast.While)) else 0.3
            yield Mutation("moved out", last.lineno, prior, (edit,))


def indents(source: Source, body: Block) -> Iterator[Mutation]:
    """Move a statement into the block before it."""
    for block, after in pairwise(body):
        if not isinstance(block, (ast.For, ast.While, ast.If, ast.With)):
            continue
        inner = block.body[-1]
        open_end = not getattr(block, "orelse", None)
        if open_end and own_lines(source, inner) and own_lines(source, after):
            text = moved(source, after, source.indent(inner))
            if text is not None:
                edit = Edit(*source.lines(after), text)
                yield Mutation("moved in", after.lineno, 0.25, (edit,))


def jump(source: Source, node: ast.stmt) -> Iterator[Mutation]:
    """Exchange break, continue and return."""
    texts: dict[str, float] = {"break": 0.6, "continue": 0.6, "return": 0.2, "pass": 0.3}
    own = source.of(node)
    for text, prior in texts.items():
        if text != own:
            yield Mutation("jump", node.lineno, prior, (source.replace(node, text),))


def augmented(source: Source, node: ast.AugAssign) -> Iterator[Mutation]:
    """Change an operator that assigns."""
    sign, others = AUGMENTED.get(type(node.op), ("", ()))
    for index, other in enumerate(others):
        edit = source.between(node.target, node.value, sign.replace("+", r"\+").replace("*", r"\*")
                              .replace("|", r"\|"), other)  # fmt: skip
        if edit:
            yield Mutation("assignment", node.lineno, 0.6 - 0.2 * index, (edit,))


def assigned(source: Source, node: ast.Assign, hints: Hints) -> Iterator[Mutation]:
    """Add to a variable in place of setting it; set it to one more or one less."""
    if isinstance(node.value, (ast.Name, ast.BinOp, ast.Attribute)):
        yield from shift(source, node.value, 0.7 if "HangError" in hints.exceptions else 0.3)
    if len(node.targets) == 1 and isinstance(
        node.targets[0], (ast.Name, ast.Attribute, ast.Subscript)
    ):
        edit = source.between(node.targets[0], node.value, "=", "+=")
        if edit:
            yield Mutation("assignment", node.lineno, 0.3, (edit,))


def branch(source: Source, node: ast.If) -> Iterator[Mutation]:
    """Turn an elif into an if of its own."""
    start, _ = source.span(node)
    if source.text.startswith("elif", start):
        yield Mutation("elif", node.lineno, 0.35, (Edit(start, start + 2, ""),))


def handler(source: Source, node: ast.ExceptHandler, hints: Hints) -> Iterator[Mutation]:
    """Catch what the failing example ends with as well."""
    if node.type is None:
        return
    inside = [source.of(item) for item in node.type.elts] if isinstance(node.type, ast.Tuple) else [
        source.of(node.type)
    ]  # fmt: skip
    for name in hints.exceptions:
        if name not in inside:
            text = f"({', '.join([*inside, name])})"
            edit = source.replace(node.type, text)
            yield Mutation("caught", node.lineno, 0.8, (edit,))
