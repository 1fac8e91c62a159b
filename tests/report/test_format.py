from decimal import Decimal

import pytest

from arena.report import format as show


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (float("nan"), "unknown"),
        (0, "$0"),
        (Decimal("0.0312"), "$0.031"),
        (0.000034, "$0.000034"),
        (3.5e-7, "$0.00000035"),
        (3.5e-9, "$3.5e-09"),
        (0.9949, "$0.99"),
        (0.996, "$1.00"),
        (4.2, "$4.20"),
        (Decimal(120345), "$120,345"),
    ],
)
def test_dollars(amount, text):
    assert show.usd(amount) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "unknown"), (0, "0%"), (0.004, "<1%"), (0.5, "50%"), (0.996, ">99%"), (1, "100%")],
)
def test_only_all_is_all_and_only_none_is_none(share, text):
    assert show.percent(share) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1 / 45, "1/45"),
        (1 / 7, "1/7"),
        (0.14, "1/7.1"),
        (1.4, "1.4×"),
        (0.97, "0.97×"),
        (12, "12×"),
    ],
)
def test_fractions_of_a_cost(ratio, text):
    assert show.fraction(ratio) == text


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (None, "unknown"),
        (0.0123, "0.012 s"),
        (0.85, "0.85 s"),
        (3.14, "3.1 s"),
        (42, "42 s"),
        (59.96, "1.0 min"),
        (125, "2.1 min"),
        (3840, "1.1 h"),
    ],
)
def test_durations(duration_s, text):
    assert show.seconds(duration_s) == text


def test_tokens_and_points():
    assert [show.tokens(n) for n in (940, 999_600, 12_400, 1_240_000)] == [
        "940", "1.00 M", "12.4 k", "1.24 M",
    ]  # fmt: skip
    assert [show.points(d) for d in (0.081, -0.05, 0.001)] == ["+8", "−5", "0"]
