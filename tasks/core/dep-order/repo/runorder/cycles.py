"""Explaining what is wrong with a graph."""


class CycleError(ValueError):
    """Tasks need each other.

    `cycle` lists tasks of which each needs the next and the last the first.
    """

    def __init__(self, cycle):
        super().__init__(" needs ".join([*cycle, cycle[0]]))
        self.cycle = cycle


def find_cycle(graph, stuck):
    """A cycle among tasks that never become ready.

    Every such task needs at least one other of its kind, so following the
    needs must come back to a task that was seen before.
    """
    name = next(task for task in graph if task in stuck)
    trail = []
    while name not in trail:
        trail.append(name)
        name = next(other for other in graph.needs(name) if other in stuck)
    return trail
