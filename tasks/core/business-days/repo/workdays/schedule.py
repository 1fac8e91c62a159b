"""Dates of recurring payments."""

from dataclasses import dataclass
from datetime import date

from workdays.arithmetic import add_business_days, roll
from workdays.calendar import Calendar


@dataclass(frozen=True)
class Schedule:
    """Payments on a calendar; money sent arrives `lag` business days later."""

    calendar: Calendar
    lag: int = 2

    def arrival(self, sent):
        """When money sent on a day arrives."""
        return add_business_days(self.calendar, sent, self.lag)

    def send_by(self, due):
        """The last day to send money that must be there on `due`."""
        deadline = roll(self.calendar, due, -1)
        if self.lag == 0:
            return deadline
        return add_business_days(self.calendar, deadline, -self.lag)

    def monthly(self, year, day):
        """Twelve payment days, moved to the next business day if needed."""
        return [roll(self.calendar, date(year, month, day)) for month in range(1, 13)]

    def month_ends(self, year):
        """The last business day of each month."""
        ends = []
        for month in range(1, 13):
            following = date(year + month // 12, month % 12 + 1, 1)
            ends.append(add_business_days(self.calendar, following, -1))
        return ends
