"""Business-day arithmetic."""

from workdays.arithmetic import add_business_days, business_days_between, roll
from workdays.calendar import Calendar
from workdays.holiday import Holiday, as_is, nearest_workday, next_monday
from workdays.known import england, us_federal
from workdays.rules import easter, fixed, last_weekday, nth_weekday
from workdays.schedule import Schedule

__all__ = [
    "Calendar",
    "Holiday",
    "Schedule",
    "add_business_days",
    "as_is",
    "business_days_between",
    "easter",
    "england",
    "fixed",
    "last_weekday",
    "nearest_workday",
    "next_monday",
    "nth_weekday",
    "roll",
    "us_federal",
]
