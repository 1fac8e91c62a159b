"""Run one piece of untrusted work in a forked child with limits on time, memory and output."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY_BYTES = 512 * 1024 * 1024
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
FILE_BYTES = 32 * 1024 * 1024


def isolated(work: Callable[[], Any], timeout_s: float) -> Any:
    """Return what work returns, passed as JSON, or None where it crashed or took too long.

    A fork starts in a millisecond with everything already imported, and a mutant that loops,
    exits, eats memory or changes global state takes only its own process with it.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(work, writer, timeout_s)
    os.close(writer)
    try:
        return _receive(reader, timeout_s)
    finally:
        os.close(reader)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def memory_bytes() -> int:
    """Return what a child may use: half of what the container may, lest it be ended for it."""
    for path in MEMORY_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            return min(MEMORY_BYTES, int(Path(path).read_text()) // 2)
    return MEMORY_BYTES


def _child(work: Callable[[], Any], writer: int, timeout_s: float) -> None:
    try:
        os.setsid()
        seconds = int(timeout_s) + 1
        for kind, limit in (
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_DATA, memory_bytes()),
            (resource.RLIMIT_FSIZE, FILE_BYTES),
        ):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (limit, limit))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(nowhere, "w"))
        payload = json.dumps(work()).encode() + b"\n"
        while payload:
            payload = payload[os.write(writer, payload) :]
    finally:
        os._exit(0)


def _receive(reader: int, timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return None
        part = os.read(reader, 1 << 16)
        if not part:
            return None
        parts.append(part)
    return json.loads(b"".join(parts))
