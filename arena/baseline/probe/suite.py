"""The tree's visible tests, run by pytest inside this process."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, NamedTuple

from .trace import Line, Tracer


class Results(NamedTuple):
    """What the tests did, by node id."""

    outcomes: dict[str, str]
    seconds: dict[str, float]
    lines: dict[str, list[Line]]


def available() -> bool:
    """Import pytest with its plugins, once before the forks; tell whether it is there."""
    try:
        config: Any = importlib.import_module("_pytest.config")
    except ImportError:
        return False
    for name in getattr(config, "default_plugins", ()):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"_pytest.{name}")
    return True


class Recorder:
    """A pytest plugin that keeps to some tests and notes what each did."""

    def __init__(self, keep: set[str] | None, tracer: Tracer | None) -> None:
        self.keep = keep
        self.tracer = tracer
        self.results = Results({}, {}, {})

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep to the wanted tests."""
        if self.keep is not None:
            items[:] = [item for item in items if item.nodeid in self.keep]

    def pytest_runtest_logstart(self) -> None:
        """Trace from here."""
        if self.tracer:
            self.tracer.start()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Trace up to here."""
        if self.tracer:
            self.results.lines[nodeid] = self.tracer.stop()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note the worst of the phases of a test."""
        seen = self.results.outcomes.get(report.nodeid, "passed")
        self.results.outcomes[report.nodeid] = report.outcome if seen == "passed" else seen
        seconds = self.results.seconds
        seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration


def run(keep: list[str] | None = None, tracer: Tracer | None = None) -> Results:
    """Run the visible tests, or those with the given node ids up to the first failure."""
    import pytest

    arguments = ["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    if keep is not None:
        arguments += ["-x", *sorted({node.split("::")[0] for node in keep})]
    recorder = Recorder(None if keep is None else set(keep), tracer)
    pytest.main(arguments, plugins=[recorder])
    return recorder.results
