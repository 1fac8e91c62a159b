"""Single mutations of a module: the operators that any mutation tool has."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt, ast.NotEq),
    ast.LtE: (ast.Lt, ast.GtE, ast.Eq),
    ast.Gt: (ast.GtE, ast.Lt, ast.NotEq),
    ast.GtE: (ast.Gt, ast.LtE, ast.Eq),
    ast.Eq: (ast.NotEq, ast.LtE, ast.GtE),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.FloorDiv: (ast.Div, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
LINE_END = re.compile(r"\r\n|\r|\n")
OPERATIONS = (ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.IfExp)
DELETABLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.If)
WEIGHTS = {
    "comparison": 1.0,
    "off by one": 0.8,
    "and/or": 0.7,
    "arithmetic": 0.7,
    "flag": 0.6,
    "dropped sign": 0.5,
    "jump": 0.5,
    "deleted": 0.4,
}
"""How likely an operator undoes a fault, against the others: slips at a boundary come first."""


class Mutation(NamedTuple):
    """Replace the characters from start up to end of one file with text."""

    path: str
    operator: str
    first_line: int
    """Where the statement begins; it is suspicious if any of its lines is."""
    last_line: int
    start: int
    end: int
    text: str


class Module:
    """One parsed file; raises SyntaxError or ValueError where the text is not Python."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.tree = ast.parse(text)
        self._starts = [0, *(end.end() for end in LINE_END.finditer(text)), len(text)]
        self._parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def mutations(self) -> Iterator[Mutation]:
        """Yield every mutation, some of which may not compile; strings are left alone."""
        for node in ast.walk(self.tree):
            statement = self._statement(node)
            if statement is None:
                continue
            for operator, new in variants(node):
                yield self._mutation(statement, operator, node, new)

    def _statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the statement a node stands in, None inside an f-string or annotation.

        Pythons before 3.12 give no true positions inside an f-string.
        """
        while not isinstance(node, ast.stmt):
            parent = self._parents.get(node)
            if parent is None or isinstance(parent, ast.JoinedStr):
                return None
            if node in (getattr(parent, "annotation", None), getattr(parent, "returns", None)):
                return None
            node = parent
        return node

    def _mutation(
        self, statement: ast.stmt, operator: str, node: ast.AST, new: ast.AST
    ) -> Mutation:
        whole = node
        while isinstance(self._parents[whole], OPERATIONS):
            whole = self._parents[whole]
        # The whole operation is written anew, so that its parentheses are right. A copy takes from
        # its memo what it is said to have copied already, and so swaps the one node.
        text = ast.unparse(copy.deepcopy(whole, {id(node): new}))
        start, end = self._span(whole)
        last_line = getattr(node, "end_lineno", statement.lineno)
        return Mutation(self.path, operator, statement.lineno, last_line, start, end, text)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Return the character range of a node; columns of ast count bytes."""
        assert isinstance(node, (ast.expr, ast.stmt))
        last = node.end_lineno or node.lineno
        return (
            self._offset(node.lineno, node.col_offset),
            self._offset(last, node.end_col_offset or 0),
        )

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        text = self.text[start : self._starts[line]]
        return start + len(text.encode()[:column].decode())


def apply(text: str, mutation: Mutation) -> str:
    """Return a file's text with the mutation made."""
    return text[: mutation.start] + mutation.text + text[mutation.end :]


def variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what may stand in the place of a node, with the operator's name."""
    if isinstance(node, ast.Compare):
        yield from _comparisons(node)
    elif isinstance(node, ast.BinOp):
        for kind in ARITHMETIC.get(type(node.op), ()):
            yield "arithmetic", ast.BinOp(node.left, kind(), node.right)
    elif isinstance(node, ast.AugAssign):
        for kind in ARITHMETIC.get(type(node.op), ()):
            yield "arithmetic", ast.AugAssign(node.target, kind(), node.value)
        yield "arithmetic", ast.Assign([node.target], node.value, lineno=node.lineno)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.BoolOp(other, node.values)
    elif isinstance(node, ast.UnaryOp):
        yield "dropped sign", node.operand
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Break):
        yield "jump", ast.Continue()
    elif isinstance(node, ast.Continue):
        yield "jump", ast.Break()
    if isinstance(node, DELETABLE) and not _is_docstring(node):
        yield "deleted", ast.Pass()


def _comparisons(node: ast.Compare) -> Iterator[tuple[str, ast.AST]]:
    for index, operator in enumerate(node.ops):
        for kind in COMPARISONS[type(operator)]:
            operators = [*node.ops[:index], kind(), *node.ops[index + 1 :]]
            yield "comparison", ast.Compare(node.left, operators, node.comparators)


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.value, bool):
        yield "flag", ast.Constant(not node.value)
    elif isinstance(node.value, int):
        for value in (node.value + 1, node.value - 1):
            yield "off by one", ast.Constant(value)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
