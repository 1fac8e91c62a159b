"""Machines paid by the hour."""

from datetime import UTC, datetime
from decimal import Decimal

from arena.money.prices import CallSpan, machine_of, share, shares
from arena.records import BackendSpec

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def span(name, start, end):
    return CallSpan(name, START + start, START + end)


def test_overlapping_calls_share_the_time_in_which_any_was_in_flight():
    found = share([span("a", 0, 60), span("b", 30, 90), span("c", 200, 230)], Decimal(36))
    assert sum(found.by_call.values()) == Decimal("1.2")
    assert found.mean_concurrency == Decimal(150) / 120
    assert found.by_call == {"a": Decimal("0.48"), "b": Decimal("0.48"), "c": Decimal("0.24")}


def test_idle_time_costs_nothing():
    apart = share([span("a", 0, 10), span("b", 3600, 3610)], Decimal(36))
    assert sum(apart.by_call.values()) == Decimal("0.2")


def test_no_calls_no_cost():
    nothing = share([], Decimal(36))
    assert (nothing.mean_concurrency, nothing.by_call) == (None, {})


def test_a_call_within_another_adds_no_busy_time():
    found = share([span("a", 0, 100), span("b", 10, 20)], Decimal(36))
    assert found.mean_concurrency == Decimal(110) / 100
    assert sum(found.by_call.values()) == Decimal(1)


def test_a_machine_is_shared_by_all_who_call_it_at_one_price():
    spec = BackendSpec(name="h/m", model="m", base_url="http://m/v1", hourly_usd="36")
    again = spec.model_copy(update={"name": "other"})
    dearer = spec.model_copy(update={"hourly_usd": Decimal(72)})
    calls = [(spec, span("a", 0, 60)), (again, span("b", 30, 90)), (dearer, span("c", 0, 50))]
    found = shares((machine_of(one), when) for one, when in calls)
    assert found[machine_of(spec)].by_call == {"a": Decimal("0.45"), "b": Decimal("0.45")}
    assert found[machine_of(again)].mean_concurrency == Decimal(120) / 90
    assert found[machine_of(dearer)].by_call == {"c": Decimal(1)}
    assert machine_of(spec.model_copy(update={"hourly_usd": None})) is None
