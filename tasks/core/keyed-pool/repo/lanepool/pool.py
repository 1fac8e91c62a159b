"""The pool."""

import queue
import threading

from lanepool.errors import PoolClosed
from lanepool.job import Job, Stop
from lanepool.lanes import Lanes
from lanepool.stats import Counter


class Pool:
    """Threads that work on jobs.

    As a context manager it is shut down at the end, after all jobs are done.
    """

    def __init__(self, workers=4, name="lanepool"):
        if workers < 1:
            raise ValueError("a pool needs a worker")
        self._guard = threading.Lock()
        self._closed = False
        self._jobs = queue.Queue()
        self._lanes = Lanes()
        self._counter = Counter()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.shutdown()

    def submit(self, function, *args, lane=None, **kwargs):
        """Have a function called; returns a Future."""
        job = Job(function, args, kwargs, lane)
        job.future.add_done_callback(self._counter.settle)
        with self._guard:
            if self._closed:
                raise PoolClosed("the pool is shut down")
            self._counter.add("submitted")
            self._jobs.put(job)
        return job.future

    def map(self, function, items, lane=None):
        """The function's results for all items, in their order."""
        futures = [self.submit(function, item, lane=lane) for item in items]
        return [future.result() for future in futures]

    def lanes(self):
        """Lanes with jobs, in no particular order."""
        return self._lanes.names()

    def stats(self):
        """How many jobs there were, and how they went."""
        return self._counter.read()

    def shutdown(self, wait=True, cancel=False):
        """Take no more jobs, and end the workers when all is done."""
        with self._guard:
            first, self._closed = not self._closed, True
            if first:
                for _ in self._threads:
                    self._jobs.put(Stop())
        if cancel:
            self._cancel_waiting()
        if wait:
            for thread in self._threads:
                thread.join()

    def _cancel_waiting(self):
        stops = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if isinstance(job, Stop):
                stops.append(job)
            else:
                job.future.cancel()
        for stop in stops:
            self._jobs.put(stop)

    def _work(self):
        while True:
            job = self._jobs.get()
            if isinstance(job, Stop):
                return
            with self._lanes.turn(job.lane):
                if job.future.begin():
                    job.future.finish(*job.call())
