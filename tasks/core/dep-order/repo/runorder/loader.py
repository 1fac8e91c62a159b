"""Reading task files: `name: needed needed | wish wish`."""

import re

from runorder.graph import Graph

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class LoadError(ValueError):
    """A line that is not understood."""

    def __init__(self, message, line):
        super().__init__(f"line {line}: {message}")
        self.line = line


def _names(text, line):
    names = text.split()
    for name in names:
        if not _NAME.fullmatch(name):
            raise LoadError(f"not a task name: {name!r}", line)
    return names


def load(text):
    """The graph that a task file describes."""
    graph = Graph()
    for number, raw in enumerate(text.splitlines(), 1):
        content = raw.partition("#")[0].strip()
        if not content:
            continue
        name, colon, rest = content.partition(":")
        if not colon:
            raise LoadError("expected `name: ...`", number)
        names = _names(name, number)
        if len(names) != 1:
            raise LoadError("expected one name before the colon", number)
        hard, _, soft = rest.partition("|")
        needs, after = _names(hard, number), _names(soft, number)
        try:
            graph.add(names[0], needs, after)
        except ValueError as error:
            raise LoadError(str(error), number) from None
    graph.check()
    return graph
