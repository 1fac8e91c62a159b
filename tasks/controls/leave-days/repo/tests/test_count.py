from datetime import date

import pytest

from leave.calendar import Calendar
from leave.count import days

MONDAY = date(2024, 6, 3)


def june(day):
    return date(2024, 6, day)


def test_a_week_with_its_weekend():
    assert days(Calendar(), MONDAY, june(9)) == 5


def test_from_monday_to_friday():
    assert days(Calendar(), MONDAY, june(7)) == 4


def test_two_weeks():
    assert days(Calendar(), MONDAY, june(14)) == 9


def test_one_day():
    assert days(Calendar(), MONDAY, MONDAY) == 0


def test_holidays_are_free():
    assert days(Calendar([june(5)]), MONDAY, june(8)) == 4


def test_must_not_end_before_it_begins():
    with pytest.raises(ValueError):
        days(Calendar(), june(4), june(3))
