"""Mutations of operators and conditions: comparisons, arithmetic, and/or, not, a if b else c."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from .source import Edit, Mutation, Source

Choices = tuple[tuple[str, float], ...]

COMPARISONS: dict[type[ast.cmpop], tuple[str, Choices]] = {
    ast.Lt: (r"<", (("<=", 1.0), (">", 0.5), ("!=", 0.4), (">=", 0.4))),
    ast.LtE: (r"<=", (("<", 1.0), (">=", 0.5), ("==", 0.4), (">", 0.4))),
    ast.Gt: (r">", ((">=", 1.0), ("<", 0.5), ("!=", 0.4), ("<=", 0.4))),
    ast.GtE: (r">=", ((">", 1.0), ("<=", 0.5), ("==", 0.4), ("<", 0.4))),
    ast.Eq: (r"==", (("!=", 0.6), ("<=", 0.4), (">=", 0.4), ("in", 0.15))),
    ast.NotEq: (r"!=", (("==", 0.6), ("<", 0.4), (">", 0.4))),
    ast.In: (r"in\b", (("not in", 0.6), ("==", 0.2))),
    ast.NotIn: (r"not\s+in\b", (("in", 0.6),)),
    ast.Is: (r"is\b", (("is not", 0.6), ("==", 0.3))),
    ast.IsNot: (r"is\s+not\b", (("is", 0.6), ("!=", 0.3))),
}

ARITHMETIC: dict[type[ast.operator], tuple[str, Choices]] = {
    ast.Add: (r"\+", (("-", 0.6), ("*", 0.2))),
    ast.Sub: (r"-", (("+", 0.7), ("%", 0.15))),
    ast.Mult: (r"\*", (("/", 0.5), ("+", 0.4), ("//", 0.3), ("**", 0.25))),
    ast.Div: (r"/", (("//", 0.6), ("*", 0.5))),
    ast.FloorDiv: (r"//", (("/", 0.6), ("%", 0.4))),
    ast.Mod: (r"%", (("//", 0.4), ("*", 0.1))),
    ast.Pow: (r"\*\*", (("*", 0.4),)),
    ast.BitAnd: (r"&", (("|", 0.6), ("^", 0.3))),
    ast.BitOr: (r"\|", (("&", 0.6), ("^", 0.3))),
    ast.BitXor: (r"\^", (("&", 0.4), ("|", 0.4))),
    ast.LShift: (r"<<", ((">>", 0.5),)),
    ast.RShift: (r">>", (("<<", 0.5),)),
}

SWAPPABLE = {ast.Sub: 0.5, ast.Div: 0.45, ast.FloorDiv: 0.4, ast.Mod: 0.35, ast.Add: 0.25}
VALUES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


def is_text(node: ast.AST) -> bool:
    """Tell whether an expression is plainly a string."""
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return constant or isinstance(node, ast.JoinedStr)


def one(operator: str, node: ast.expr, prior: float, *edits: Edit | None) -> Iterator[Mutation]:
    """Yield the mutation made of the edits, unless one of them has no place."""
    found = tuple(edit for edit in edits if edit is not None)
    if len(found) == len(edits):
        yield Mutation(operator, node.lineno, prior, found)


def compare(source: Source, node: ast.Compare) -> Iterator[Mutation]:
    """Change each comparison operator, and shift what is compared by one."""
    operands = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
        pattern, choices = COMPARISONS[type(operator)]
        for text, prior in choices:
            edit = source.between(left, right, pattern, text)
            yield from one("comparison", node, prior, edit)
        if isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            yield from shift(source, right, 0.35)
            yield from shift(source, left, 0.2)
        if is_none(right) and isinstance(operator, (ast.Is, ast.IsNot)):
            text = source.atom(left)
            plain = f"not {text}" if isinstance(operator, ast.Is) else text
            yield from one("truth", node, 0.5, source.replace(node, plain))


def is_none(node: ast.AST) -> bool:
    """Tell whether an expression is the literal None."""
    return isinstance(node, ast.Constant) and node.value is None


def shift(source: Source, node: ast.expr, prior: float) -> Iterator[Mutation]:
    """Add one to, and take one from, an expression that is no literal."""
    if isinstance(node, (ast.Constant, ast.UnaryOp)) or is_text(node):
        return
    for sign in ("+", "-"):
        text = f"{source.atom(node)} {sign} 1"
        yield from one("off by one", node, prior, source.replace(node, text))


def arithmetic(source: Source, node: ast.BinOp) -> Iterator[Mutation]:
    """Change an arithmetic operator, its order, its grouping, its rounding; guard a division."""
    if is_text(node.left) or (is_text(node.right) and not isinstance(node.op, ast.Add)):
        return
    pattern, choices = ARITHMETIC[type(node.op)]
    left, right = source.atom(node.left), source.atom(node.right)
    if not is_text(node.right):
        for text, prior in choices:
            edit = source.between(node.left, node.right, pattern, text)
            yield from one("arithmetic", node, prior, edit)
    if prior := SWAPPABLE.get(type(node.op), 0):
        gap = source.text[source.outer(node.left)[1] : source.outer(node.right)[0]]
        edit = source.replace(node, f"{right}{gap}{left}")
        yield from one("swapped operands", node, prior, edit)
    for part, other in ((left, node.left), (right, node.right)):
        if not isinstance(other, ast.Constant):
            yield from one("dropped operand", node, 0.25, source.replace(node, part))
    if isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod)):
        guarded = f"({source.of(node)} if {source.of(node.right)} else 0)"
        yield from one("division guard", node, 0.3, source.replace(node, guarded))
    if isinstance(node.op, ast.FloorDiv):
        yield from one("ceiling", node, 0.6, source.replace(node, f"-(-{left} // {right})"))
    yield from grouping(source, node)


def grouping(source: Source, node: ast.BinOp) -> Iterator[Mutation]:
    """Read `a + b * c` as `(a + b) * c`, where no parentheses say otherwise."""
    inner = node.right
    if isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(inner, ast.BinOp):
        start, middle = source.span(node)[0], source.outer(inner.left)[1]
        if source.outer(inner) == source.span(inner) and not isinstance(inner.op, ast.Add):
            edits = (Edit(start, start, "("), Edit(middle, middle, ")"))
            yield Mutation("grouping", node.lineno, 0.35, edits)


def boolean(source: Source, node: ast.BoolOp) -> Iterator[Mutation]:
    """Exchange and/or, drop an operand, ask `is not None` in place of truth."""
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    pairs = list(pairwise(node.values))
    edits = [source.between(left, right, rf"\b{old}\b", new) for left, right in pairs]
    yield from one("and/or", node, 0.75, *edits)
    if len(edits) > 1:
        for edit in edits:
            yield from one("and/or", node, 0.4, edit)
    spans = [source.outer(value) for value in node.values]
    for index, (start, end) in enumerate(spans):
        gap = Edit(spans[index - 1][1], end, "") if index else Edit(start, spans[1][0], "")
        yield from one("dropped condition", node, 0.4, gap)
    for value in node.values[:-1] if isinstance(node.op, ast.Or) else node.values:
        if isinstance(value, VALUES):
            text = f"{source.of(value)} is not None"
            yield from one("none, not falsy", node, 0.4, source.replace(value, text))
    if isinstance(node.op, ast.Or) and len(spans) == 2 and isinstance(node.values[0], VALUES):
        first = source.of(node.values[0])
        text = f"{first} if {first} is not None else {source.of(node.values[1])}"
        parent = source.parents.get(node)
        plain = isinstance(parent, (ast.Assign, ast.Return, ast.AnnAssign, ast.keyword))
        whole = text if plain else f"({text})"
        yield from one("none, not falsy", node, 0.75, source.replace(node, whole))


def unary(source: Source, node: ast.UnaryOp) -> Iterator[Mutation]:
    """Remove a `not` or a minus sign; ask `is None` in place of falsehood."""
    operand = source.of(node.operand)
    if isinstance(node.op, ast.Not):
        yield from one("dropped not", node, 0.6, source.replace(node, source.atom(node.operand)))
        if isinstance(node.operand, VALUES):
            text = f"{operand} is None"
            yield from one("none, not falsy", node, 0.75, source.replace(node, text))
    elif isinstance(node.op, ast.USub):
        yield from one("sign", node, 0.4, source.replace(node, operand))


def condition(source: Source, node: ast.expr) -> Iterator[Mutation]:
    """Negate a condition that is not a comparison; ask `is not None` in place of truth."""
    if isinstance(node, (ast.Compare, ast.Constant)) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    ):
        return
    yield from one("negated", node, 0.55, source.replace(node, f"not {source.atom(node)}"))
    if isinstance(node, VALUES):
        text = f"{source.of(node)} is not None"
        yield from one("none, not falsy", node, 0.7, source.replace(node, text))


def choice(source: Source, node: ast.IfExp) -> Iterator[Mutation]:
    """Exchange the two values of a conditional expression."""
    yield from exchange(source, node.body, node.orelse, "swapped branches", 0.45)


def exchange(
    source: Source, left: ast.expr, right: ast.expr, operator: str, prior: float
) -> Iterator[Mutation]:
    """Exchange the texts of two expressions, unless they are the same."""
    first, second = source.of(left), source.of(right)
    if first != second:
        edits = (source.replace(left, second), source.replace(right, first))
        yield Mutation(operator, left.lineno, prior, edits)
