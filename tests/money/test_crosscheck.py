"""The price book against somebody else's: no difference that nobody has looked into."""

import json
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


def test_what_another_book_has_and_we_lack_is_listed(tmp_path):
    model = {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 7}
    rows = {
        "gpt-9": model,
        "gpt-5.1": model,
        "gpt-9-image": model,
        "gone": {**model, "deprecation_date": "2026-01-01"},
        "elsewhere": {**model, "litellm_provider": "nobody"},
        "sample_spec": {"mode": "chat"},
    }
    path = tmp_path / "map.json"
    path.write_text(json.dumps(rows))
    found = list(crosscheck_prices.litellms(path, date(2026, 11, 23)))
    assert crosscheck_prices.lacking(found) == ["openai/gpt-9"]
    assert crosscheck_prices.windows(found) == ["openai/gpt-5.1: ours 400000, theirs 7"]
    assert "openai/gpt-3.5-turbo" in crosscheck_prices.lacking(crosscheck_prices.theirs())
