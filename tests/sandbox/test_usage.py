"""What containers' volumes hold, measured while others start and agents hide things."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

from arena.records import SandboxLimits
from arena.sandbox.limits import DiskUsage, measure

USER = "10001:10001"


def test_threads_measure_different_containers_at_once(engine, image):
    usage = DiskUsage(engine.connection, Path(engine.connection.raw.info()["DockerRootDir"]))
    broken = []

    def again(*boxes):
        idents = {box.where.ident: 1 << 40 for box in boxes}
        try:
            for _ in range(60):
                assert usage.of(idents).keys() == idents.keys()
        except Exception as error:  # a thread would only print it
            broken.append(repr(error))

    with ExitStack() as stack:
        one, two, three = (
            stack.enter_context(engine.open(image, limits=SandboxLimits(), labels={}, user=USER))
            for _ in range(3)
        )
        threads = [threading.Thread(target=again, args=boxes) for boxes in ((one, two), (three,))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert broken == []


def test_what_is_nested_too_deep_to_be_seen_is_too_much(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    assert measure([tmp_path], 1 << 20) < 1 << 20
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert measure([tmp_path], 1 << 20) > 1 << 20


def test_two_that_ask_the_engine_for_its_disk_usage_at_once_are_both_told(engine, image):
    """Docker 20.10 measures for one at a time, of all its clients, and refuses the others."""
    broken, told = [], []

    def ask(usage, ident):
        try:
            told.extend(usage.of({ident: 1 << 40})[ident] for _ in range(10))
        except Exception as error:  # a thread would only print it
            broken.append(str(error))

    with engine.open(image, limits=SandboxLimits(), labels={}, user=USER) as box:
        asking = [DiskUsage(engine.connection, None) for _ in range(4)]
        threads = [
            threading.Thread(target=ask, args=(usage, box.where.ident))
            for usage in (*asking, asking[0])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert broken == []
    assert len(told) == 50
    assert len(set(told)) == 1
