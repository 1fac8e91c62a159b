"""What a request costs."""

from datetime import date, timedelta

from leave.calendar import Calendar


def days(calendar: Calendar, first: date, last: date) -> int:
    """How many days of leave a request costs. Raises ValueError where it ends before it begins."""
    if last < first:
        raise ValueError(f"leave cannot end on {last} when it begins on {first}")
    span = (last - first).days + 1
    on_leave = (first + timedelta(days=offset) for offset in range(span))
    return sum(1 for day in on_leave if day not in calendar.holidays)
