"""What a reducer remembers of calls whose try is over: nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from arena.records import BackendSpec, CallBegin, CallEnd, Fault, TrialRecord, TrialSpec, Usage
from arena.rundir.ledger import CallBeginEvent, CallEndEvent, SessionBegin, TrialBegin, TrialEnd
from arena.score.reducer import Reducer
from tests.backend.rig import PRICE

AT = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = BackendSpec(name="s/m", model="m", base_url="http://e/v1", prices=(PRICE,))
USD = Decimal("0.001")
"""What one call costs."""


def call(trial, number, at, *, estimated=False):
    begin = CallBegin(
        call_id=f"{trial}-{at}",
        trial_id=trial,
        try_number=number,
        contestant="c",
        endpoint="http://e/v1",
        model="m",
        step=1,
        attempt=1,
        started_at=AT,
        prompt_estimate=1000,
        prompt_bound=2000,
        output_limit=100,
    )
    end = CallEnd(
        call_id=begin.call_id,
        trial_id=trial,
        outcome="ok",
        requested_model="m",
        usage=Usage(input_fresh=1000, output=0, estimated=estimated),
        wall_s=1.0,
        ended_at=AT + timedelta(seconds=at),
    )
    return CallBeginEvent(call=begin), CallEndEvent(call=end)


def trial(number):
    return TrialSpec(id=f"t{number}", task_id="t", contestant="c", attempt=number, digest="d")


def ended(spec, number, fault):
    return TrialEnd(
        record=TrialRecord(
            **spec.model_dump(), try_number=number, fault=fault, started_at=AT, ended_at=AT
        )
    )


@pytest.mark.parametrize("fault", [None, Fault(kind="provider", message="gone")])
def test_a_late_call_is_counted_and_forgotten(fault):
    reducer = Reducer({"c": SPEC}, ())
    reducer.add(SessionBegin(session="s", at=AT))
    for number in range(1, 101):
        spec = trial(number)
        first, late = call(spec.id, 1, 1), call(spec.id, 1, 2)
        reducer.add(TrialBegin(spec=spec, try_number=1, at=AT))
        for event in (*first, late[0], ended(spec, 1, fault), late[1]):
            reducer.add(event)
    assert reducer.open == {}
    wasted = [state.wasted_usd for state in reducer.trials.values()]
    assert wasted == [USD if fault else 0] * 100
    assert {state.sums.known_usd for state in reducer.trials.values()} == {2 * USD}


def test_what_is_known_of_a_cost_is_a_lower_bound_without_estimates():
    spec = trial(1)
    reducer = Reducer({"c": SPEC}, ())
    told, guessed = call(spec.id, 1, 1), call(spec.id, 1, 2, estimated=True)
    for event in (
        TrialBegin(spec=spec, try_number=1, at=AT),
        *told,
        *guessed,
        ended(spec, 1, None),
    ):
        reducer.add(event)
    (cost,) = (state.sums.cost() for state in reducer.trials.values())
    assert (cost.known_usd, cost.billed_usd, cost.status) == (USD, 2 * USD, "estimated")


def test_a_try_that_runs_is_remembered_by_whoever_goes_on():
    spec = trial(1)
    one, two = call(spec.id, 1, 1), call(spec.id, 1, 2)
    first = Reducer({"c": SPEC}, ())
    for event in (TrialBegin(spec=spec, try_number=1, at=AT), *one):
        first.add(event)
    then = Reducer({"c": SPEC}, (), first.carried)
    for event in (*two, ended(spec, 1, Fault(kind="provider", message="gone"))):
        then.add(event)
    state = first.trials[spec.id]
    state.add(then.trials[spec.id])
    assert (state.wasted_usd, state.sums.known_usd) == (2 * USD, 2 * USD)


def test_what_a_killed_session_paid_for_a_try_is_lost():
    spec = trial(1)
    reducer = Reducer({"c": SPEC}, ())
    begin = TrialBegin(spec=spec, try_number=1, at=AT)
    again = TrialBegin(spec=spec, try_number=2, at=AT)
    killed = SessionBegin(session="s", at=AT)
    for event in (begin, *call(spec.id, 1, 1), killed, again, *call(spec.id, 2, 2)):
        reducer.add(event)
    reducer.add(ended(spec, 2, None))
    (state,) = reducer.trials.values()
    assert (state.wasted_usd, state.sums.known_usd) == (USD, 2 * USD)
