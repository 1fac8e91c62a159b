"""How many trials a host takes at once."""

import pytest

from arena.records import Composition, SandboxLimits, Service
from arena.run.hosts import LocalHost, Ready
from arena.rundir.directory import EngineInfo
from arena.sandbox.image.store import Image


def image(*services):
    made = tuple(Service(name=name, image=name) for name in services)
    composition = Composition(services=made) if made else None
    naming = {"kind": "task", "name": "t", "recipe": "i", "content": "i", "base": "b"}
    return Image(**naming, composition=composition, id="i", size_bytes=0, created_s=0)


@pytest.mark.parametrize(
    ("images", "fitting"),
    [
        ({"a": image()}, 8),
        ({"a": image(), "b": image("cache", "db", "queue")}, 2),
        ({"a": image(*(f"s{number}" for number in range(20)))}, 1),
        ({}, 8),
    ],
)
def test_services_of_a_task_count_as_containers_of_its_trials(images, fitting):
    info = EngineInfo(version="1", platform="any", cpus=1, memory_mb=10_240)
    ready = Ready(images=images, layers={}, engine=info, lease="")
    said = []
    host = LocalHost(engine=None, run=None, ready=ready, say=said.append)
    limits = SandboxLimits(memory_mb=1024)
    assert host.concurrency(100, limits) == fitting
    assert len(said) == 1
    assert said[0].startswith(f"concurrency {fitting} instead of 100: {ready.together} x 1024 MB")
    assert host.concurrency(1, limits) == 1
    assert len(said) == 1
