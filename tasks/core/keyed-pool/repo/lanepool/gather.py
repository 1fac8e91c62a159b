"""Several futures at once."""

import time


def wait_all(futures, timeout=None):
    """Wait until all are over, well or not; TimeoutError if that takes too long."""
    end = None if timeout is None else time.monotonic() + timeout
    for future in futures:
        left = None if end is None else max(0.0, end - time.monotonic())
        if not future.cancelled():
            try:
                future.exception(left)
            except TimeoutError:
                raise TimeoutError("not all jobs are done yet") from None
            except Exception:
                if not future.cancelled():
                    raise


def first_error(futures):
    """The exception of the first future (in order) that failed, None if none did."""
    for future in futures:
        if not future.cancelled() and (error := future.exception()) is not None:
            return error
    return None
