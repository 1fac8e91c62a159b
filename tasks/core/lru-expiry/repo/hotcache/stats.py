"""Counters for dashboards."""

from dataclasses import dataclass


@dataclass
class Stats:
    """How often the cache helped, and why entries left it."""

    hits: int = 0
    misses: int = 0
    evicted: int = 0
    expired: int = 0

    @property
    def hit_rate(self):
        """Share of lookups that were answered, None before the first."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else None

    def reset(self):
        """Start counting again."""
        self.hits = self.misses = self.evicted = self.expired = 0
