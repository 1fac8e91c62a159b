"""How often and how fast to try again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off.

    The delay starts at `base_s` seconds, grows by `factor` with every failed
    attempt and stops growing at `cap_s`.
    """

    max_attempts: int = 5
    base_s: float = 10.0
    factor: float = 2.0
    cap_s: float = 3600.0
    timeout_s: float = 60.0

    def __post_init__(self):
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")

    def delay(self, failed):
        """Seconds to wait after so many failed attempts."""
        return min(self.cap_s, self.base_s * self.factor ** (failed - 1))
