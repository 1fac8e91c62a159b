"""Order and stages when it is settled which edges count.

Edges are a dict from each task to the tasks that come before it.
"""

import heapq


def sort(graph, edges):
    """Tasks in order, and the set of those that never become ready."""
    place = {name: number for number, name in enumerate(graph)}
    waiting = {name: len(before) for name, before in edges.items()}
    followers = {name: [] for name in edges}
    for name, before in edges.items():
        for other in before:
            followers[other].append(name)
    ready = [(place[name], name) for name, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, name = heapq.heappop(ready)
        ordered.append(name)
        del waiting[name]
        for other in followers[name]:
            waiting[other] -= 1
            if waiting[other] == 0:
                heapq.heappush(ready, (place[other], other))
    return ordered, set(waiting)


def stages(graph, ordered, edges):
    """The tasks by stage, each stage in the order of declaration."""
    level = {}
    for name in ordered:
        level[name] = 1 + max((level[other] for other in edges[name]), default=-1)
    found = [[] for _ in range(1 + max(level.values(), default=-1))]
    for name in graph:
        found[level[name]].append(name)
    return found
