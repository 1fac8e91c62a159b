"""Walking and counting along a calendar."""

from datetime import timedelta

_DAY = timedelta(days=1)


def roll(calendar, day, direction=1):
    """The day itself if it is a business day, else the next one.

    `direction` is 1 to look ahead and -1 to look back.
    """
    while not calendar.is_business_day(day):
        day += direction * _DAY
    return day


def add_business_days(calendar, day, count):
    """The business day `count` business days after `day` (before, if negative).

    With a count of 0 a day that is no business day moves to the next one.
    """
    if count == 0:
        return roll(calendar, day)
    direction = 1 if count > 0 else -1
    for _ in range(abs(count)):
        day = roll(calendar, day + direction * _DAY, direction)
    return day


def _weekdays_between(calendar, start, end):
    weeks, rest = divmod((end - start).days, 7)
    count = weeks * (7 - len(calendar.weekend))
    for offset in range(rest):
        if not calendar.is_weekend(start + offset * _DAY):
            count += 1
    return count


def business_days_between(calendar, start, end):
    """Business days from `start` up to, not including, `end`.

    Negative when `end` is before `start`.
    """
    if end < start:
        return -business_days_between(calendar, end, start)
    count = _weekdays_between(calendar, start, end)
    for year in range(start.year, end.year + 1):
        for day, _ in calendar.holidays(year):
            if start <= day < end and not calendar.is_weekend(day):
                count -= 1
    return count
