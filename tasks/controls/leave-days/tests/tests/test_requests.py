from datetime import date

from leave.account import Account
from leave.calendar import Calendar
from leave.count import days


def on(month, day):
    return date(2024, month, day)


def test_requests_that_end_on_a_weekend():
    assert days(Calendar(), on(6, 6), on(6, 9)) == 2
    assert days(Calendar(), on(6, 8), on(6, 9)) == 0
    assert days(Calendar([on(5, 1)]), on(4, 29), on(5, 4)) == 4


def test_requests_that_end_on_a_working_day():
    assert days(Calendar(), on(6, 6), on(6, 10)) == 2
    assert days(Calendar(), on(6, 6), on(6, 11)) == 3
    assert days(Calendar([on(5, 1)]), on(4, 29), on(5, 3)) == 3


def test_account_of_a_year():
    account = Account(Calendar([on(12, 25), on(12, 26)]), 30)
    assert account.book(on(7, 1), on(7, 12)) == 9
    assert account.book(on(12, 23), on(12, 31)) == 4
    assert (account.used, account.left) == (13, 17)


def test_only_holidays():
    assert days(Calendar([on(5, 1)]), on(5, 1), on(5, 1)) == 0
