"""How much memory the sandboxes of a check held, asked just before they are killed."""

import threading

from arena.protocols import Sandbox

_PEAKS = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
_ASK = "cat " + " ".join(_PEAKS) + " 2>/dev/null"
_ASK_SECONDS = 10.0
_MB = 1 << 20


class Peak:
    """The most that any sandbox held. Safe from several threads.

    What runs in a container can lie about it: a figure for people, never for a verdict.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0

    def mb(self) -> float | None:
        """The most so far, in MiB; None when no kernel told."""
        return round(self._bytes / _MB, 1) if self._bytes else None

    def ask(self, sandbox: Sandbox) -> None:
        """Take in what one sandbox held."""
        said = sandbox.exec(["sh", "-c", _ASK], timeout_s=_ASK_SECONDS).stdout
        figures = [int(word) for word in said.split() if word.isdigit()]
        with self._lock:
            self._bytes = max(self._bytes, *figures, 0)
