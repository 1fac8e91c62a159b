"""The account of recorded calls."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from arena.money.statement import CallPricing, RecordedCall, statements
from arena.records import BackendSpec, CallBegin, CallEnd, PriceRow, PriceTier, Usage

START = datetime(2026, 11, 1, tzinfo=UTC)
PRICED = BackendSpec(
    name="p/m",
    model="m",
    base_url="http://h/v1",
    prices=(PriceRow(tiers=(PriceTier(input="1", cached_input="0.1", output="4"),)),),
    bills_told_cost=False,
)
MACHINE = BackendSpec(name="h/m", model="m", base_url="http://m/v1", hourly_usd="36")
USED = Usage(input_fresh=1000, output=100)


def call(
    name, contestant="c", *, after_s=0.0, wall_s=10.0, outcome="ok", usage=USED, ended=True, **end
):
    begin = CallBegin(
        call_id=name,
        trial_id="t",
        contestant=contestant,
        endpoint="e",
        model="m",
        step=1,
        attempt=1,
        started_at=START + timedelta(seconds=after_s),
        prompt_estimate=1000,
        prompt_bound=4000,
        output_limit=500,
    )
    if not ended:
        return RecordedCall(begin, None)
    settled = CallEnd(
        call_id=name,
        trial_id="t",
        outcome=outcome,
        requested_model="m",
        usage=usage,
        wall_s=wall_s,
        ended_at=begin.started_at + timedelta(seconds=wall_s),
        **end,
    )
    return RecordedCall(begin, settled)


def one(recorded, spec=PRICED):
    (found,) = statements([recorded], {"c": spec}, fx=())
    return found


def test_usage_is_settled_exactly():
    found = one(call("a", repeated_tokens=500))
    assert found.cost.billed_usd == Decimal("0.0014")
    assert found.cost.standard_usd == Decimal("0.00095")
    assert (found.possibly_billed, found.bound_usd, found.bound_tokens) == (False, 0, 0)


def test_usage_of_a_failed_call_counts_too():
    found = one(call("a", outcome="malformed_reply"))
    assert found.cost.billed_usd == Decimal("0.0014")
    assert not found.possibly_billed


def test_a_call_that_never_ended_is_listed_with_its_bound():
    found = one(call("a", ended=False))
    assert found.cost is None
    assert found.possibly_billed
    assert found.bound_tokens == 4500
    assert found.bound_usd == Decimal("0.006")


def test_a_refused_call_is_listed_and_bounded_by_nothing():
    found = one(call("a", outcome="rate_limited", usage=None))
    assert (found.possibly_billed, found.bound_usd, found.bound_tokens) == (True, 0, 0)
    unsent = one(call("a", outcome="connection", usage=None, sent=False))
    assert unsent.bound_usd == 0
    lost = one(call("a", outcome="connection", usage=None))
    assert lost.bound_usd == Decimal("0.006")


def test_estimated_usage_keeps_the_whole_bound_open():
    guessed = Usage(input_fresh=1000, output=100, estimated=True)
    found = one(call("a", usage=guessed))
    assert found.cost.status == "estimated"
    assert (found.bound_usd, found.bound_tokens) == (Decimal("0.006"), 4500)


@pytest.mark.parametrize("outcome", ["bad_request", "context_overflow", "content_filter"])
def test_a_request_turned_down_is_worth_no_output(outcome):
    found = one(call("a", outcome=outcome, usage=None, http_status=400))
    assert (found.bound_usd, found.bound_tokens) == (Decimal("0.004"), 4000)
    for status in (408, 499, 500, 200):
        late = one(call("a", outcome="timeout", usage=None, http_status=status))
        assert late.bound_tokens == 4500


def test_a_stream_cut_after_counted_chunks_is_worth_what_was_counted():
    counted = Usage(input_fresh=900, output=100, estimated=True)
    found = one(call("a", outcome="malformed_reply", usage=counted, http_status=200))
    assert found.possibly_billed
    assert found.bound_tokens == 900 + 100 + 256
    assert found.bound_usd == Decimal("0.002324")
    near = one(call("a", outcome="timeout", usage=Usage(input_fresh=9, output=400, estimated=True)))
    assert near.bound_tokens == 9 + 500


def test_a_guess_learns_from_the_trials_other_calls():
    guessed = Usage(input_fresh=1000, output=100, estimated=True)
    told = Usage(input_fresh=400, output=100)
    calls = [call("a", usage=guessed), call("b", usage=told, after_s=20)]
    first, second = statements(calls, {"c": PRICED}, fx=())
    assert first.cost.billed_usd == second.cost.billed_usd == Decimal("0.0008")
    assert (first.cost.status, second.cost.status) == ("estimated", "known")
    alone = one(call("a", usage=guessed))
    assert alone.cost.billed_usd == Decimal("0.0014")


def test_a_told_cost_is_the_bill_only_where_the_provider_bills_it():
    told = {"reported_usd": Decimal("0.01")}
    assert one(call("a", **told)).cost.billed_usd == Decimal("0.0014")
    earlier = PRICED.model_copy(update={"bills_told_cost": None})  # as runs told it before
    billing = PRICED.model_copy(update={"bills_told_cost": True})
    for spec in (billing, earlier):
        assert one(call("a", **told), spec).cost.billed_usd == Decimal("0.01")


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({}, True),
        ({"valid_to": date(2026, 1, 1)}, False),
        ({"valid_from": date(2100, 1, 1)}, False),
        ({"tiers": (PriceTier(input="1", output="4", input_from=9),)}, False),
        ({"currency": "CNY"}, False),
    ],
)
def test_money_is_held_by_a_price_of_today(changed, known):
    row = PRICED.prices[0].model_copy(update=changed)
    spec = PRICED.model_copy(update={"prices": (row,)})
    assert CallPricing(spec, ()).known is known


def test_an_unpriced_call_has_no_bound_in_money():
    bare = PRICED.model_copy(update={"prices": ()})
    assert one(call("a", ended=False), bare).bound_usd is None
    assert one(call("a"), bare).cost.status == "unknown"


def test_an_hourly_machine_is_shared_by_all_contestants():
    calls = [call("a", "x", wall_s=60), call("b", "y", after_s=30, wall_s=60)]
    both = {"x": MACHINE, "y": MACHINE.model_copy(update={"name": "other"})}
    found = statements(calls, both, fx=())
    assert [f.cost.billed_usd for f in found] == [Decimal("0.45"), Decimal("0.45")]
    assert found[0].cost.standard_usd == found[0].cost.no_cache_usd == Decimal("0.45")


def test_an_hourly_call_without_usage_still_cost_its_time():
    found = one(call("a", outcome="timeout", usage=None, wall_s=100), MACHINE)
    assert found.cost.billed_usd == 1
    assert found.bound_usd == 0
    assert one(call("a", ended=False), MACHINE).bound_usd == Decimal(6)
