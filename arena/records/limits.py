"""What a trial, a contestant and a container may use."""

from decimal import Decimal

from pydantic import Field

from arena.records.base import Record


class Limits(Record):
    """Per trial, the same for every contestant."""

    steps: int = Field(default=60, gt=0)
    """Completed model calls."""
    seconds: float = Field(default=900.0, gt=0)
    """The agent's clock: wall time less waiting for slots, rate limits and retries."""
    usd: Decimal | None = Field(default=None, gt=0)
    """Money for all calls of the trial; needs a backend with a price."""
    tokens: int | None = Field(default=None, gt=0)
    """Prompt and output tokens of all calls together."""
    output_tokens: int = Field(default=16_000, gt=0)
    """Per call; sent to every backend under its own parameter name."""
    command_seconds: float = Field(default=60.0, gt=0)
    """One command of the agent."""


class Budget(Record):
    """Ceilings above the limits of one trial; None is no ceiling."""

    usd: Decimal | None = Field(default=None, ge=0)
    """Money for all calls together."""
    tokens: int | None = Field(default=None, ge=0)
    """Prompt and output tokens of all calls together."""


class SandboxLimits(Record):
    """What one container may use, the same for every contestant."""

    memory_mb: int = Field(default=1024, ge=64)
    """Memory; there is no swap."""
    cpus: float = Field(default=1.0, gt=0)
    """Share of cores."""
    pids: int = Field(default=256, ge=16)
    """Processes and threads."""
    tmp_mb: int = Field(default=256, ge=1)
    """Size of `/tmp`."""
    disk_mb: int = Field(default=1024, ge=16)
    """Growth of the writable layer before the container is killed."""
    file_mb: int = Field(default=512, ge=1)
    """Largest single file (RLIMIT_FSIZE)."""
    open_files: int = Field(default=4096, ge=64)
    """Open files of one process."""
