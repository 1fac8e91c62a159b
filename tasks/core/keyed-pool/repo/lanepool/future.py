"""What will become of a job."""

import sys
import threading

from lanepool.errors import Cancelled

_WAITING, _RUNNING, _DONE, _CANCELLED = "waiting", "running", "done", "cancelled"


class Future:
    """The result of a job, once there is one."""

    def __init__(self):
        self._changed = threading.Condition()
        self._state = _WAITING
        self._result = None
        self._error = None
        self._callbacks = []

    def __repr__(self):
        return f"<Future {self._state}>"

    def done(self):
        """Is it over, one way or the other?"""
        with self._changed:
            return self._state in (_DONE, _CANCELLED)

    def running(self):
        """Is the job at work?"""
        with self._changed:
            return self._state == _RUNNING

    def cancelled(self):
        """Was it cancelled?"""
        with self._changed:
            return self._state == _CANCELLED

    def cancel(self):
        """Prevent the job from beginning; False if it is too late.

        Cancelling a second time is True again.
        """
        with self._changed:
            if self._state == _CANCELLED:
                return True
            if self._state != _WAITING:
                return False
            self._state = _CANCELLED
            self._changed.notify_all()
        self._call_back()
        return True

    def begin(self):
        """For the pool: the job begins now; False if it was cancelled."""
        with self._changed:
            if self._state == _CANCELLED:
                return False
            self._state = _RUNNING
            return True

    def finish(self, result=None, error=None):
        """For the pool: the job is over."""
        with self._changed:
            self._result, self._error = result, error
            self._state = _DONE
            self._changed.notify_all()
        self._call_back()

    def exception(self, timeout=None):
        """The exception of the job, None if it went well.

        Raises TimeoutError after `timeout` seconds, Cancelled if cancelled.
        """
        with self._changed:
            over = self._changed.wait_for(lambda: self._state in (_DONE, _CANCELLED), timeout)
            if not over:
                raise TimeoutError("the job is not done yet")
            if self._state == _CANCELLED:
                raise Cancelled
            return self._error

    def result(self, timeout=None):
        """The result of the job; raises what the job raised."""
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self._result

    def add_done_callback(self, callback):
        """Call `callback(self)` when it is over, at once if it is already."""
        with self._changed:
            if self._state not in (_DONE, _CANCELLED):
                self._callbacks.append(callback)
                return
        self._call(callback)

    def _call_back(self):
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback):
        try:
            callback(self)
        except Exception:
            args = (*sys.exc_info(), threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(args))
