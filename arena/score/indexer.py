"""Keeps the index of a run up to date while the run goes on, on a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from arena.errors import ArenaError
from arena.rundir import Manifest, RunDir
from arena.score.index import Index

INTERVAL_S = 2.0


@contextmanager
def indexing(rundir: RunDir, manifest: Manifest) -> Iterator[None]:
    """Extend the index from time to time while the context is open.

    It costs about 50 ms of a core for each megabyte of new ledger, and never holds up a trial.
    What goes wrong with it is no fault: the index is not needed.
    """
    index = Index(rundir, manifest)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(INTERVAL_S):
            with suppress(OSError, ArenaError):
                index.extend()

    thread = threading.Thread(target=follow, name="index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
