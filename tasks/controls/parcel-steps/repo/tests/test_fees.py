import pytest

from parcels.fees import TooHeavyError, fee, steps
from parcels.tariff import Tariff

POST = Tariff(name="post", base=350, step=500, step_price=120, limit=10000)


def test_light_parcel_is_one_step():
    assert steps(POST, 100) == 1
    assert fee(POST, 100) == 470


def test_started_steps_count():
    assert steps(POST, 1200) == 3
    assert steps(POST, 501) == 2
    assert fee(POST, 1200) == 710


def test_a_step_is_over_when_it_is_full():
    assert steps(POST, 500) == 2
    assert steps(POST, 1000) == 3
    assert fee(POST, 1000) == 710


def test_limit():
    with pytest.raises(TooHeavyError):
        fee(POST, 10001)


def test_weight_must_be_positive():
    with pytest.raises(ValueError):
        steps(POST, 0)
