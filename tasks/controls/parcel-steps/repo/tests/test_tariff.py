import pytest

from parcels.tariff import Tariff, TariffError, parse

TEXT = "# 2024\nname post\nbase 350\n\nstep 500 120\nlimit 10000\n"


def test_parse():
    assert parse(TEXT) == Tariff(name="post", base=350, step=500, step_price=120, limit=10000)


@pytest.mark.parametrize("bad", ["base 1", TEXT + "base 2", TEXT.replace("350", "x"), TEXT + "fuel 3"])
def test_parse_refuses(bad):
    with pytest.raises(TariffError):
        parse(bad)
