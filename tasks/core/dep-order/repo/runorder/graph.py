"""Tasks, what they need, and what they would like to come after."""

from dataclasses import dataclass


class UnknownTask(KeyError):
    """A task that is needed or asked for does not exist."""

    def __str__(self):
        return f"no task {self.args[0]!r}"


@dataclass(frozen=True)
class Task:
    """One task; the names keep the order in which they were given."""

    name: str
    needs: tuple
    after: tuple


class Graph:
    """Tasks in the order of their declaration."""

    def __init__(self):
        self._tasks = {}

    def __len__(self):
        return len(self._tasks)

    def __iter__(self):
        return iter(self._tasks)

    def __contains__(self, name):
        return name in self._tasks

    def add(self, name, needs=(), after=()):
        """Declare a task; every name only once."""
        if name in self._tasks:
            raise ValueError(f"task {name!r} is declared twice")
        self._tasks[name] = Task(name, tuple(dict.fromkeys(needs)), tuple(dict.fromkeys(after)))

    def needs(self, name):
        """Tasks that have to run before this one."""
        return self._tasks[name].needs

    def wishes(self, name):
        """Tasks that exist and that this one would like to follow."""
        return tuple(other for other in self._tasks[name].after if other in self._tasks)

    def check(self):
        """Raise UnknownTask if something is needed that does not exist."""
        for task in self._tasks.values():
            for other in task.needs:
                if other not in self._tasks:
                    raise UnknownTask(other)

    def select(self, goals):
        """The graph of the goals and everything they need."""
        wanted, todo = set(), list(goals)
        while todo:
            name = todo.pop()
            if name in wanted:
                continue
            if name not in self._tasks:
                raise UnknownTask(name)
            wanted.add(name)
            todo.extend(self._tasks[name].needs)
        chosen = Graph()
        for name, task in self._tasks.items():
            if name in wanted:
                chosen.add(name, task.needs, task.after)
        return chosen
