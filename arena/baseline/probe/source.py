"""Source text together with its syntax tree, so that an edit touches exactly what it means to."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

LINE_END = re.compile(r"\r\n|\r|\n")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Edit(NamedTuple):
    """Replace the characters from start up to end with text."""

    start: int
    end: int
    text: str


class Mutation(NamedTuple):
    """One small change to one file, with the prior weight of its kind (0 to 1)."""

    operator: str
    line: int
    prior: float
    edits: tuple[Edit, ...]


class Hints(NamedTuple):
    """What the bug report and the failing run say about the change that is needed."""

    exceptions: tuple[str, ...] = ()
    """Names of the exceptions that the failing examples end with now."""
    wanted_error: tuple[str, str] | None = None
    """Exception name and message that an example asks for."""
    literals: tuple[str, ...] = ()
    """Python literals that the examples ask for."""


class Source:
    """One parsed module; raises SyntaxError or ValueError where the text is not Python."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self.starts = [0, *(match.end() for match in LINE_END.finditer(text)), len(text)]
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def offset(self, lineno: int, column: int) -> int:
        """Turn a line (from 1) and a UTF-8 column, as ast counts them, into a character offset."""
        start, end = self.starts[lineno - 1], self.starts[lineno]
        line = self.text[start:end]
        if line.isascii():
            return start + column
        return start + len(line.encode()[:column].decode(errors="ignore"))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the character range of a node, parentheses around it excluded."""
        place = node if isinstance(node, (ast.expr, ast.stmt)) else None
        if place is None or place.end_lineno is None or place.end_col_offset is None:
            raise ValueError(f"{type(node).__name__} has no position")
        return (
            self.offset(place.lineno, place.col_offset),
            self.offset(place.end_lineno, place.end_col_offset),
        )

    def outer(self, node: ast.AST) -> tuple[int, int]:
        """Return the range of an operand with the parentheses that are its own."""
        start, end = self.span(node)
        while True:
            before = self.text[:start].rstrip()
            after = re.match(r"\s*\)", self.text[end:])
            if not before.endswith("(") or after is None:
                return start, end
            start, end = len(before) - 1, end + after.end()

    def of(self, node: ast.AST) -> str:
        """Return the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def atom(self, node: ast.AST) -> str:
        """Return the text of a node, in parentheses unless it binds tightly by itself."""
        tight = (
            ast.Name, ast.Constant, ast.Attribute, ast.Call, ast.Subscript,
            ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp,
        )  # fmt: skip
        return self.of(node) if isinstance(node, tight) else f"({self.of(node)})"

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts text in the place of a node."""
        return Edit(*self.span(node), text)

    def between(self, left: ast.AST, right: ast.AST, pattern: str, text: str) -> Edit | None:
        """Return the edit of an operator that stands between two nodes, comments left alone."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(r"#[^\r\n]*", lambda found: " " * len(found[0]), self.text[start:end])
        found = re.search(pattern, gap)
        return Edit(start + found.start(), start + found.end(), text) if found else None

    def lines(self, node: ast.stmt) -> tuple[int, int]:
        """Return the character range of the whole lines of a statement."""
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
        return self.starts[first - 1], self.starts[node.end_lineno or node.lineno]

    def indent(self, node: ast.stmt) -> str:
        """Return the white space before a statement, or what stands there on a shared line."""
        return self.text[self.starts[node.lineno - 1] : self.span(node)[0]]

    def newline(self) -> str:
        """Return the line end this file uses."""
        found = LINE_END.search(self.text)
        return found[0] if found else "\n"

    def function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the function a node stands in."""
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, FUNCTIONS):
            parent = self.parents.get(parent)
        return parent

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement a node belongs to."""
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = self.parents.get(current)
        return current

    def apply(self, edits: tuple[Edit, ...]) -> str:
        """Return the text with the edits made; they must not overlap."""
        text = self.text
        for edit in sorted(edits, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text
