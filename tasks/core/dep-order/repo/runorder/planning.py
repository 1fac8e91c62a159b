"""Putting a plan together."""

from dataclasses import dataclass

from runorder.resolve import resolve
from runorder.sorting import sort, stages


@dataclass(frozen=True)
class Plan:
    """What runs, in which order, and which wishes were not followed."""

    order: list
    stages: list
    ignored: list


def plan(graph, goals=None):
    """The plan for all tasks, or for some goals and what they need."""
    graph.check()
    if goals is not None:
        graph = graph.select(goals)
    edges, ignored = resolve(graph)
    order, _ = sort(graph, edges)
    return Plan(order, stages(graph, order, edges), ignored)
