"""Which days are business days."""

from workdays.rules import SAT, SUN


class Calendar:
    """Holidays and a weekend."""

    def __init__(self, name, holidays=(), weekend=(SAT, SUN)):
        self.name = name
        self._holidays = tuple(holidays)
        self.weekend = frozenset(weekend)
        if len(self.weekend) == 7:
            raise ValueError("a week needs a working day")
        self._years = {}

    def _year(self, year):
        if year not in self._years:
            days = {}
            for holiday in self._holidays:
                day = holiday.observed(year)
                if day is not None:
                    days.setdefault(day, holiday.name)
            self._years[year] = days
        return self._years[year]

    def holidays(self, year):
        """Days off in a year as sorted (date, name) pairs."""
        return sorted(self._year(year).items())

    def holiday_name(self, day):
        """Name of the holiday observed on a day, or None."""
        return self._year(day.year).get(day)

    def is_holiday(self, day):
        """Is a holiday observed on that day?"""
        return self.holiday_name(day) is not None

    def is_weekend(self, day):
        """Is the day part of the weekend?"""
        return day.weekday() in self.weekend

    def is_business_day(self, day):
        """Do people work on that day?"""
        return not self.is_weekend(day) and not self.is_holiday(day)
