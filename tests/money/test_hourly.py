"""Machines paid by the hour."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from arena.money.hourly import CallSpan, share

START = datetime(2026, 1, 1, tzinfo=UTC)


def span(name, start, end):
    return CallSpan(
        call_id=name, start=START + timedelta(seconds=start), end=START + timedelta(seconds=end)
    )


def test_overlapping_calls_share_the_time_in_which_any_was_in_flight():
    found = share([span("a", 0, 60), span("b", 30, 90), span("c", 200, 230)], Decimal(36))
    assert found.busy_s == 120
    assert found.total_usd == Decimal("1.2")
    assert found.mean_concurrency == Decimal(150) / 120
    assert found.by_call == {"a": Decimal("0.48"), "b": Decimal("0.48"), "c": Decimal("0.24")}


def test_idle_time_costs_nothing():
    apart = share([span("a", 0, 10), span("b", 3600, 3610)], Decimal(36))
    assert apart.total_usd == Decimal("0.2")


def test_no_calls_no_cost():
    nothing = share([], Decimal(36))
    assert (nothing.total_usd, nothing.mean_concurrency, nothing.by_call) == (0, None, {})


def test_a_call_within_another_adds_no_busy_time():
    found = share([span("a", 0, 100), span("b", 10, 20)], Decimal(36))
    assert found.busy_s == 100
    assert sum(found.by_call.values()) == found.total_usd == Decimal(1)
