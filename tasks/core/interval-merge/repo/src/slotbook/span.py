"""The span of time everything else is made of."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """Minutes from `start` up to, but not including, `end`."""

    start: int
    end: int

    def __post_init__(self):
        if self.end < self.start:
            raise ValueError(f"span ends before it starts: {self.start}-{self.end}")

    @property
    def minutes(self):
        """Length in minutes."""
        return self.end - self.start

    @property
    def empty(self):
        """True when no minute is covered."""
        return self.start == self.end

    def covers(self, minute):
        """Is this minute inside the span?"""
        return self.start <= minute < self.end

    def contains(self, other):
        """Is every minute of `other` inside this span?"""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other):
        """Do the two spans share at least one minute?"""
        return self.start < other.end and other.start < self.end

    def shift(self, minutes):
        """The same length, `minutes` later (or earlier when negative)."""
        return Span(self.start + minutes, self.end + minutes)

    def pad(self, before=0, after=0):
        """The span with set-up and clean-up time around it."""
        return Span(self.start - before, self.end + after)
