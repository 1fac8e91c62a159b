import pytest

from slotbook import Span, format_span, parse_span


def test_round_trip():
    assert format_span(parse_span("09:05-10:30")) == "09:05-10:30"


def test_end_of_day():
    assert parse_span("23:00-24:00") == Span(1380, 1440)


@pytest.mark.parametrize("text", ["9-10", "09:60-10:00", "24:01-24:02", "09:00"])
def test_bad_text(text):
    with pytest.raises(ValueError):
        parse_span(text)
