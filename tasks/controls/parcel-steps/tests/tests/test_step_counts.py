import pytest

from parcels.fees import TooHeavyError, fee, steps
from parcels.quote import quote
from parcels.tariff import Tariff

FREIGHT = Tariff(name="freight", base=900, step=250, step_price=75, limit=2000)


def test_started_steps_of_another_tariff():
    assert [steps(FREIGHT, grams) for grams in (1, 249, 251, 499, 1999)] == [1, 1, 2, 2, 8]


def test_full_steps_of_another_tariff():
    assert [steps(FREIGHT, grams) for grams in (250, 500, 2000)] == [2, 3, 9]
    assert fee(FREIGHT, 500) == 1125


def test_orders_with_full_steps():
    made = quote(FREIGHT, [250, 1000])
    assert made.lines == ((1000, 1275), (250, 1050))
    assert made.total == 2325


def test_too_heavy_by_one_gram():
    with pytest.raises(TooHeavyError):
        steps(FREIGHT, 2001)
