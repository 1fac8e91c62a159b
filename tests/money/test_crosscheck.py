"""The price book against somebody else's: no difference that nobody has looked into."""

from datetime import date

from scripts import crosscheck_prices


def test_every_difference_is_settled_and_every_settlement_is_needed():
    found = crosscheck_prices.differences(date(2026, 11, 23))
    assert {f.backend for f in found} == set(crosscheck_prices.SETTLED)
    assert all(f.our_source for f in found)


def test_a_price_that_drifts_is_noticed():
    """Gemini 4 Argon doubles on 2026-12-01 in both books; a book without that row would differ."""
    later = crosscheck_prices.differences(date(2026, 12, 2))
    assert "google/gemini-4-argon" not in {f.backend for f in later}
