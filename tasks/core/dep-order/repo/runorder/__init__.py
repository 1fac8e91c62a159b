"""In which order tasks run."""

from runorder.cycles import CycleError
from runorder.graph import Graph, UnknownTask
from runorder.loader import LoadError, load
from runorder.planning import Plan, plan

__all__ = ["CycleError", "Graph", "LoadError", "Plan", "UnknownTask", "load", "plan"]
