from datetime import date

import pytest

from workdays import Calendar, Holiday, easter, england, fixed, us_federal


def test_weekend():
    cal = Calendar("plain")
    assert not cal.is_business_day(date(2024, 6, 1))
    assert cal.is_business_day(date(2024, 6, 3))


def test_other_weekend():
    cal = Calendar("gulf", weekend=(4, 5))
    assert not cal.is_business_day(date(2024, 6, 7))
    assert cal.is_business_day(date(2024, 6, 9))


def test_us_2024():
    assert [day for day, _ in us_federal().holidays(2024)] == [
        date(2024, 1, 1),
        date(2024, 1, 15),
        date(2024, 2, 19),
        date(2024, 5, 27),
        date(2024, 6, 19),
        date(2024, 7, 4),
        date(2024, 9, 2),
        date(2024, 10, 14),
        date(2024, 11, 11),
        date(2024, 11, 28),
        date(2024, 12, 25),
    ]


def test_observed_days():
    cal = us_federal()
    assert cal.holiday_name(date(2021, 7, 5)) == "Independence Day"
    assert cal.holiday_name(date(2020, 7, 3)) == "Independence Day"
    assert cal.holiday_name(date(2020, 7, 4)) is None


def test_holiday_since():
    cal = us_federal()
    assert cal.is_holiday(date(2023, 6, 19))
    assert not cal.is_holiday(date(2019, 6, 19))


@pytest.mark.parametrize(
    ("year", "day"),
    [(1818, date(1818, 3, 22)), (2000, date(2000, 4, 23)), (2024, date(2024, 3, 31))],
)
def test_easter(year, day):
    assert easter()(year) == day


def test_england():
    cal = england()
    assert cal.is_holiday(date(2024, 3, 29))
    assert cal.holiday_name(date(2021, 12, 27)) == "Christmas Day"


def test_week_without_work():
    with pytest.raises(ValueError):
        Calendar("never", weekend=range(7))


def test_plain_holiday():
    cal = Calendar("x", [Holiday("Day", fixed(5, 1))])
    assert cal.holidays(2024) == [(date(2024, 5, 1), "Day")]
