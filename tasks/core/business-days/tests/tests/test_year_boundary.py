from datetime import date, timedelta

import pytest

from workdays import (
    Calendar,
    Holiday,
    Schedule,
    add_business_days,
    business_days_between,
    england,
    fixed,
    nearest_workday,
    next_monday,
    roll,
    us_federal,
)


@pytest.fixture
def cal():
    return us_federal()


def days(calendar, year):
    return [day for day, _ in calendar.holidays(year)]


def test_friday_before_new_year(cal):
    assert not cal.is_business_day(date(2021, 12, 31))
    assert cal.is_holiday(date(2021, 12, 31))
    assert cal.holiday_name(date(2021, 12, 31)) == "New Year's Day"


@pytest.mark.parametrize("year", [1993, 1999, 2004, 2010, 2021, 2027])
def test_every_saturday_new_year(cal, year):
    assert cal.is_holiday(date(year, 12, 31))
    assert not cal.is_holiday(date(year + 1, 1, 1))


@pytest.mark.parametrize("year", [2019, 2020, 2022, 2023, 2024, 2025])
def test_other_years_end_with_a_working_day(cal, year):
    assert not cal.is_holiday(date(year, 12, 31))


def test_holidays_are_those_of_the_calendar_year(cal):
    assert len(days(cal, 2021)) == 12
    assert days(cal, 2021)[0] == date(2021, 1, 1)
    assert cal.holidays(2021)[-1] == (date(2021, 12, 31), "New Year's Day")
    assert len(days(cal, 2022)) == 10
    assert days(cal, 2022)[0] == date(2022, 1, 17)


@pytest.mark.parametrize("year", range(2015, 2030))
def test_holidays_sorted_and_inside(cal, year):
    found = days(cal, year)
    assert found == sorted(set(found))
    assert {day.year for day in found} == {year}


def test_add_over_the_boundary(cal):
    assert add_business_days(cal, date(2021, 12, 30), 1) == date(2022, 1, 3)
    assert add_business_days(cal, date(2022, 1, 3), -1) == date(2021, 12, 30)
    assert roll(cal, date(2021, 12, 31)) == date(2022, 1, 3)
    assert roll(cal, date(2022, 1, 1), -1) == date(2021, 12, 30)


def test_between_over_the_boundary(cal):
    assert business_days_between(cal, date(2021, 12, 30), date(2022, 1, 4)) == 2
    assert business_days_between(cal, date(2022, 1, 4), date(2021, 12, 30)) == -2
    assert business_days_between(cal, date(2021, 12, 27), date(2022, 1, 1)) == 4
    assert business_days_between(cal, date(2021, 12, 31), date(2022, 1, 1)) == 0


def test_between_agrees_with_counting_day_by_day(cal):
    start = date(2019, 12, 1)
    running = 0
    day = start
    while day < date(2023, 2, 1):
        assert business_days_between(cal, start, day) == running
        running += cal.is_business_day(day)
        day += timedelta(days=1)


def test_order_of_questions_does_not_matter():
    first, second = us_federal(), us_federal()
    first.is_holiday(date(2021, 12, 31))
    assert first.holidays(2022) == second.holidays(2022)
    assert first.holidays(2021) == second.holidays(2021)


def closing(observance):
    return Calendar("shop", [Holiday("Closing", fixed(12, 31), observance)])


def test_year_end_closing_on_a_sunday():
    for cal in (closing(nearest_workday), closing(next_monday)):
        assert cal.holiday_name(date(2024, 1, 1)) == "Closing"
        assert days(cal, 2024) == [date(2024, 1, 1), date(2024, 12, 31)]
        assert business_days_between(cal, date(2023, 12, 29), date(2024, 1, 3)) == 2


def test_year_end_closing_on_a_saturday():
    assert days(closing(next_monday), 2022) == []
    assert days(closing(next_monday), 2023) == [date(2023, 1, 2)]
    assert days(closing(nearest_workday), 2022) == [date(2022, 12, 30)]
    assert days(closing(nearest_workday), 2023) == []


def test_holiday_moved_by_two_weeks():
    later = Calendar("late", [Holiday("Feast", fixed(12, 25), lambda day: day + timedelta(days=14))])
    assert days(later, 2024) == [date(2024, 1, 8)]
    assert not later.is_business_day(date(2024, 1, 8))
    assert later.is_business_day(date(2024, 12, 25))
    earlier = Calendar("early", [Holiday("Feast", fixed(1, 6), lambda day: day - timedelta(days=14))])
    assert days(earlier, 2024) == [date(2024, 12, 23)]
    assert business_days_between(earlier, date(2024, 12, 20), date(2024, 12, 25)) == 2


def test_two_holidays_on_one_day_off():
    cal = Calendar(
        "double",
        [
            Holiday("New Year", fixed(1, 1), nearest_workday),
            Holiday("Closing", fixed(12, 31), nearest_workday),
        ],
    )
    assert days(cal, 2021) == [date(2021, 1, 1), date(2021, 12, 31)]
    assert business_days_between(cal, date(2021, 12, 30), date(2022, 1, 4)) == 2


def test_since_belongs_to_the_holiday_not_to_the_day_off():
    kept = Calendar("a", [Holiday("New", fixed(1, 1), nearest_workday, since=2022)])
    assert kept.is_holiday(date(2021, 12, 31))
    assert not kept.is_holiday(date(2021, 1, 1))
    later = Calendar("b", [Holiday("New", fixed(1, 1), nearest_workday, since=2023)])
    assert not later.is_holiday(date(2021, 12, 31))
    assert days(later, 2021) == days(later, 2022) == []


def test_first_and_last_years(cal):
    assert cal.is_business_day(date.max)
    assert cal.holidays(1)
    assert len(cal.holidays(9999)) >= 10
    assert business_days_between(cal, date(9999, 12, 30), date.max) == 1


def test_england_is_unchanged():
    assert days(england(), 2022) == [
        date(2022, 1, 3),
        date(2022, 4, 15),
        date(2022, 4, 18),
        date(2022, 5, 2),
        date(2022, 5, 30),
        date(2022, 8, 29),
        date(2022, 12, 26),
    ]


def test_schedules_see_the_day_off(cal):
    schedule = Schedule(cal)
    assert schedule.month_ends(2021)[11] == date(2021, 12, 30)
    assert schedule.send_by(date(2022, 1, 3)) == date(2021, 12, 29)
    assert schedule.arrival(date(2021, 12, 30)) == date(2022, 1, 4)
