"""Trials on threads of this process. They wait on HTTP and containers, so threads are enough."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Spec = TypeVar("Spec")
Result = TypeVar("Result")


class LocalExecutor:
    """At most `concurrency` trials at once; the next spec is taken when a slot is free."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency

    def run(self, fn: Callable[[Spec], Result], specs: Iterator[Spec]) -> Iterator[Result]:
        """Results in the order of completion.

        An exception of `fn` is raised here. When the consumer stops early (an exception, a signal)
        nothing new is started; what runs must be ended by whoever owns its resources.
        """
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="trial")
        running: set[Future[Result]] = set()
        try:
            for spec in specs:
                running.add(pool.submit(fn, spec))
                if len(running) >= self._concurrency:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
