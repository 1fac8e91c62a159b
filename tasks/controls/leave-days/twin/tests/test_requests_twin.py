from datetime import date

from leave.calendar import Calendar
from leave.count import days


def test_twin_requests_that_end_on_a_weekend():
    assert days(Calendar(), date(2024, 6, 6), date(2024, 6, 9)) == 11


def test_twin_requests_that_end_on_a_working_day():
    assert days(Calendar(), date(2024, 6, 6), date(2024, 6, 11)) == 12
