from datetime import date

from leave.calendar import Calendar


def test_worked_days():
    calendar = Calendar([date(2024, 6, 5)])
    worked = [day for day in range(1, 11) if calendar.is_worked(date(2024, 6, day))]
    assert worked == [3, 4, 6, 7, 10]
