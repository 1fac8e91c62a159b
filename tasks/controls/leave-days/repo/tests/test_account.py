from datetime import date

import pytest

from leave.account import Account, NotEnoughLeaveError
from leave.calendar import Calendar


def test_refuses_more_than_is_left():
    account = Account(Calendar(), 3)
    with pytest.raises(NotEnoughLeaveError):
        account.book(date(2024, 6, 3), date(2024, 6, 14))
    assert account.left == 3


def test_refuses_the_same_days_twice():
    account = Account(Calendar(), 30)
    account.book(date(2024, 6, 3), date(2024, 6, 5))
    with pytest.raises(ValueError):
        account.book(date(2024, 6, 5), date(2024, 6, 6))
