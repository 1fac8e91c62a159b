"""Which days are worked."""

from collections.abc import Iterable
from datetime import date

SATURDAY = 5


class Calendar:
    """Weekdays are worked, except for holidays."""

    def __init__(self, holidays: Iterable[date] = ()) -> None:
        self.holidays = frozenset(holidays)

    def is_weekend(self, day: date) -> bool:
        return day.weekday() >= SATURDAY

    def is_worked(self, day: date) -> bool:
        return not self.is_weekend(day) and day not in self.holidays
