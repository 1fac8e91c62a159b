"""Running a query."""

from rowql.evaluate import evaluate
from rowql.kinds import BOOLEAN, NUMBER, TEXT, kind
from rowql.parser import parse

_RANKS = {NUMBER: 0, TEXT: 1, BOOLEAN: 2}


def _sort_key(value):
    rank = _RANKS.get(kind(value), 3)
    return (rank, value if rank < 3 else 0)


def run(text, rows):
    """The answer of a query: a list of new or of the given rows."""
    query = parse(text)
    if query.where is not None:
        rows = [row for row in rows if evaluate(query.where, row)]
    for expression, desc in reversed(query.sort):
        rows = sorted(rows, key=lambda row: _sort_key(evaluate(expression, row)), reverse=desc)
    if query.limit is not None:
        rows = rows[:query.limit]
    if query.select is not None:
        rows = [{name: evaluate(node, row) for name, node in query.select} for row in rows]
    return list(rows)
