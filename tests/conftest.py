"""Shared fixtures. Tests use the real engine and real HTTP on 127.0.0.1; nothing else is reachable."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from arena.records import Task, TestPlan
from arena.sandbox.engine import DockerEngine

# No test times: a busy machine changes nothing.
settings.register_profile("arena", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arena")
KEYS = [name for name in os.environ if name.endswith(("_API_KEY", "_KEY", "_TOKEN"))]


@pytest.fixture(autouse=True)
def _no_real_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """The machine's container engine; whatever a test left in it is removed at the end."""
    with DockerEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def any_task() -> Task:
    """A task of which only the image matters."""
    plan = TestPlan(runner="pytest", fail_to_pass=("tests/test_any.py::test_any",))
    return Task(
        id="any/any",
        pack="any",
        title="Any",
        language="python",
        image="python",
        problem_statement="Any.",
        tests=plan,
        digest="any",
        root=Path("/nonexistent"),
    )
