"""A holiday: its name, its rule, and where it goes when on a weekend."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Callable

from workdays.rules import SAT, SUN


def as_is(day):
    """No substitute day."""
    return day


def nearest_workday(day):
    """Saturday goes to Friday, Sunday to Monday."""
    if day.weekday() == SAT:
        return day - timedelta(days=1)
    if day.weekday() == SUN:
        return day + timedelta(days=1)
    return day


def next_monday(day):
    """Saturday and Sunday go to Monday."""
    if day.weekday() == SAT:
        return day + timedelta(days=2)
    if day.weekday() == SUN:
        return day + timedelta(days=1)
    return day


@dataclass(frozen=True)
class Holiday:
    """A public holiday.

    `since` is the first year in which it is kept.
    """

    name: str
    rule: Callable[[int], date]
    observance: Callable[[date], date] = as_is
    since: int = 1

    def observed(self, year):
        """The day off for the holiday of that year, None before `since`."""
        if year < self.since:
            return None
        return self.observance(self.rule(year))
