"""Bookings against a yearly allowance."""

from datetime import date

from leave.calendar import Calendar
from leave.count import days


class NotEnoughLeaveError(Exception):
    """A request for more days than are left."""


class Account:
    """Leave of one person in one year."""

    def __init__(self, calendar: Calendar, allowance: int) -> None:
        self.calendar = calendar
        self.allowance = allowance
        self.requests: list[tuple[date, date]] = []

    @property
    def used(self) -> int:
        return sum(days(self.calendar, first, last) for first, last in self.requests)

    @property
    def left(self) -> int:
        return self.allowance - self.used

    def book(self, first: date, last: date) -> int:
        """Book a request and return what it costs."""
        if any(first <= other_last and other_first <= last for other_first, other_last in self.requests):
            raise ValueError("there is leave on some of these days already")
        cost = days(self.calendar, first, last)
        if cost > self.left:
            raise NotEnoughLeaveError(f"{cost} days asked for, {self.left} left")
        self.requests.append((first, last))
        return cost
