"""Which edges count."""

from runorder.cycles import CycleError, find_cycle
from runorder.sorting import sort


def _edges(graph, with_wishes):
    found = {}
    for name in graph:
        before = dict.fromkeys(graph.needs(name))
        if with_wishes:
            before.update(dict.fromkeys(graph.wishes(name)))
        found[name] = tuple(before)
    return found


def resolve(graph):
    """The edges to follow, and the wishes to ignore as (task, other) pairs.

    Raises CycleError when the needs alone are impossible.
    """
    edges = _edges(graph, with_wishes=True)
    _, stuck = sort(graph, edges)
    if not stuck:
        return edges, []
    edges = _edges(graph, with_wishes=False)
    _, stuck = sort(graph, edges)
    if stuck:
        raise CycleError(find_cycle(graph, stuck))
    return edges, [(name, other) for name in graph for other in graph.wishes(name)]
