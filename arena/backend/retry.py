"""When a failed attempt is worth another, and how long to wait for it."""

import random

from pydantic import Field

from arena.records import CallOutcome, Record

RETRYABLE: frozenset[CallOutcome] = frozenset(
    {"rate_limited", "overloaded", "timeout", "connection", "malformed_reply"}
)
_FEW: frozenset[CallOutcome] = frozenset({"timeout", "malformed_reply"})
"""Outcomes that cost a whole generation each time."""


class RetryPolicy(Record):
    """Exponential backoff with full jitter inside a total wait."""

    base_s: float = Field(default=1.0, gt=0)
    cap_s: float = Field(default=60.0, gt=0)
    """Longest single wait that is not asked for by the provider."""
    budget_s: float = Field(default=600.0, ge=0)
    """All waiting between the attempts of one call together."""
    attempts: int = Field(default=12, ge=1)
    costly_attempts: int = Field(default=3, ge=1)
    """Attempts where each failure may have cost a generation (timeouts, malformed replies)."""

    def delay_s(
        self,
        outcome: CallOutcome,
        attempt: int,
        *,
        waited_s: float,
        retry_after_s: float | None = None,
    ) -> float | None:
        """Seconds to wait before the next attempt, or None to give up.

        Args:
            outcome: of the attempt that failed.
            attempt: its number, from 1.
            waited_s: waited between attempts so far.
            retry_after_s: what the provider asks for.
        """
        most = self.costly_attempts if outcome in _FEW else self.attempts
        if outcome not in RETRYABLE or attempt >= most:
            return None
        delay = random.uniform(0, min(self.cap_s, self.base_s * 2 ** (attempt - 1)))
        if retry_after_s is not None:
            delay = retry_after_s + random.uniform(0, min(1.0, self.base_s))
        return delay if waited_s + delay <= self.budget_s else None
