"""Ready-made calendars."""

from workdays.calendar import Calendar
from workdays.holiday import Holiday, nearest_workday, next_monday
from workdays.rules import MON, THU, easter, fixed, last_weekday, nth_weekday


def us_federal():
    """Holidays of the United States federal government."""
    return Calendar(
        "us-federal",
        [
            Holiday("New Year's Day", fixed(1, 1), nearest_workday),
            Holiday("Martin Luther King Jr. Day", nth_weekday(1, MON, 3), since=1986),
            Holiday("Washington's Birthday", nth_weekday(2, MON, 3)),
            Holiday("Memorial Day", last_weekday(5, MON)),
            Holiday("Juneteenth", fixed(6, 19), nearest_workday, since=2021),
            Holiday("Independence Day", fixed(7, 4), nearest_workday),
            Holiday("Labor Day", nth_weekday(9, MON, 1)),
            Holiday("Columbus Day", nth_weekday(10, MON, 2)),
            Holiday("Veterans Day", fixed(11, 11), nearest_workday),
            Holiday("Thanksgiving", nth_weekday(11, THU, 4)),
            Holiday("Christmas Day", fixed(12, 25), nearest_workday),
        ],
    )


def england():
    """Bank holidays of England without one-off ones and Boxing Day."""
    return Calendar(
        "england",
        [
            Holiday("New Year's Day", fixed(1, 1), next_monday),
            Holiday("Good Friday", easter(-2)),
            Holiday("Easter Monday", easter(1)),
            Holiday("Early May", nth_weekday(5, MON, 1)),
            Holiday("Spring", last_weekday(5, MON)),
            Holiday("Summer", last_weekday(8, MON)),
            Holiday("Christmas Day", fixed(12, 25), next_monday),
        ],
    )
