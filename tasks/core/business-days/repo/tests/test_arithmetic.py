from datetime import date

from workdays import Schedule, add_business_days, business_days_between, roll, us_federal

CAL = us_federal()


def test_add_over_holiday():
    assert add_business_days(CAL, date(2024, 7, 3), 1) == date(2024, 7, 5)
    assert add_business_days(CAL, date(2024, 7, 3), 2) == date(2024, 7, 8)


def test_subtract():
    assert add_business_days(CAL, date(2024, 7, 5), -1) == date(2024, 7, 3)


def test_roll():
    assert roll(CAL, date(2024, 7, 4)) == date(2024, 7, 5)
    assert roll(CAL, date(2024, 7, 4), -1) == date(2024, 7, 3)
    assert add_business_days(CAL, date(2024, 7, 4), 0) == date(2024, 7, 5)


def test_between():
    assert business_days_between(CAL, date(2024, 7, 1), date(2024, 7, 8)) == 4
    assert business_days_between(CAL, date(2024, 7, 8), date(2024, 7, 1)) == -4
    assert business_days_between(CAL, date(2024, 7, 4), date(2024, 7, 5)) == 0


def test_between_years():
    assert business_days_between(CAL, date(2023, 12, 20), date(2024, 1, 3)) == 8


def test_schedule():
    schedule = Schedule(CAL)
    assert schedule.arrival(date(2024, 7, 2)) == date(2024, 7, 5)
    assert schedule.send_by(date(2024, 7, 7)) == date(2024, 7, 2)
    assert schedule.monthly(2024, 4)[6] == date(2024, 7, 5)
    assert schedule.month_ends(2024)[5] == date(2024, 6, 28)
