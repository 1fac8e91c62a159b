from datetime import date

from workdays import add_business_days, business_days_between, us_federal


def test_add_over_the_boundary():
    cal = us_federal()
    assert add_business_days(cal, date(2021, 12, 30), 1) == date(2022, 1, 4)


def test_between_over_the_boundary():
    cal = us_federal()
    assert business_days_between(cal, date(2021, 12, 30), date(2022, 1, 4)) == 4
