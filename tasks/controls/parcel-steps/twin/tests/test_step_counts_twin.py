from parcels.fees import steps
from parcels.tariff import Tariff

FREIGHT = Tariff(name="freight", base=900, step=250, step_price=75, limit=2000)


def test_twin_started_steps_of_another_tariff():
    assert [steps(FREIGHT, grams) for grams in (1, 249, 251)] == [5, 6, 7]


def test_twin_full_steps_of_another_tariff():
    assert [steps(FREIGHT, grams) for grams in (250, 500, 2000)] == [4, 8, 11]
