"""Limits, retries and the account of every call, over real HTTP."""

import threading
import time
from decimal import Decimal

import pytest

from arena.errors import HarnessError, ProviderError
from arena.money.budget import Amount
from arena.records import Limits, Usage
from tests.backend.rig import ASK, BASH, rig
from tests.servers.openai_stub import Answer, call, calls, error, fault, text


def usage_of(prompt, completion, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


def test_a_conversation_is_metered_call_by_call():
    with rig([call("bash", command="ls"), text("done")]) as (stub, made):
        backend = made.trial()
        first = backend.complete(ASK, [BASH])
        history = [*ASK, first.message, {"role": "tool", "tool_call_id": "call_0", "content": "x"}]
        second = backend.complete(history, [BASH])
    assert first.tool_calls[0].name == "bash"
    assert (second.text, second.stop) == ("done", None)
    assert made.book.outcomes == ["ok", "ok"]
    assert [e.usage.prompt for e in made.book.ends] == [
        s.usage["prompt_tokens"] for s in stub.served
    ]
    assert backend.tally.steps == 2
    assert [kind for kind, _ in made.notes.entries] == ["call", "call"]
    assert stub.requests[0].body["max_tokens"] == 100
    assert set(stub.requests[0].body) == {"model", "messages", "tools", "max_tokens"}


def test_the_first_byte_of_a_reply_is_noted_and_that_of_a_failure_is_not():
    script = [error(503), text("slow", fault="drip", drip_s=0.002, delay_s=0.2)]
    with rig(script) as (_, made):
        assert made.trial().complete(ASK, []).text == "slow"
    failed, slow = made.book.ends
    assert failed.first_byte_s is None
    assert 0.2 <= slow.first_byte_s < slow.wall_s - 0.1, "a byte each 2 ms, a few hundred of them"


def test_each_call_is_announced_before_it_is_sent():
    seen = []

    def script(request):
        seen.append(len(made.book.begun))
        return text("ok")

    with rig(script) as (_, made):
        backend = made.trial()
        backend.complete(ASK, [])
        backend.complete(ASK, [])
    assert seen == [1, 2]


def test_a_call_that_cannot_be_announced_is_never_sent():
    with rig([text("never")]) as (stub, made):
        backend = made.trial()

        def full(_):
            raise HarnessError("disk full")

        made.book.begin = full
        with pytest.raises(HarnessError):
            backend.complete(ASK, [])
        assert stub.requests == []
        del made.book.begin
        assert backend.complete(ASK, []).text == "never"


def test_retries_are_calls_of_their_own_and_stay_off_the_clock():
    script = [error(503), error(429, Retry_After="0.3"), fault("cut"), text("at last")]
    with rig(script) as (_, made):
        backend = made.trial()
        reply = backend.complete(ASK, [])
    assert reply.text == "at last"
    assert made.book.outcomes == ["overloaded", "rate_limited", "connection", "ok"]
    assert [b.attempt for b in made.book.begun] == [1, 2, 3, 4]
    assert backend.tally.steps == 1
    assert made.clock.active_s < made.clock.wall_s - 0.29
    assert made.book.ends[2].waited_s >= 0.3


@pytest.mark.parametrize(
    ("answer", "stops"),
    [
        (error(401), True),
        (error(402), True),
        (error(429, {"error": {"message": "no credit", "code": "insufficient_quota"}}), True),
        (error(404), True),
        (error(400), False),
    ],
)
def test_what_cannot_succeed_is_not_tried_again(answer, stops):
    with rig([answer, text("never")]) as (stub, made), pytest.raises(ProviderError) as raised:
        made.trial().complete(ASK, [])
    assert raised.value.stops_contestant is stops
    assert len(stub.requests) == 1


def test_retries_end_with_their_budget():
    with (
        rig(lambda _: error(503)) as (stub, made),
        pytest.raises(ProviderError, match="overloaded after 12 attempts"),
    ):
        made.trial().complete(ASK, [])
    assert len(stub.requests) == 12


def test_a_provider_that_asks_for_too_long_a_wait_is_given_up():
    with (
        rig([error(429, Retry_After="3600"), text("never")]) as (_, made),
        pytest.raises(ProviderError, match="rate_limited"),
    ):
        made.trial().complete(ASK, [])


@pytest.mark.parametrize(
    ("answer", "stop"),
    [
        (error(400, {"error": {"message": "maximum context length is 9"}}), "context_overflow"),
        (error(400, {"error": {"message": "no", "code": "content_filter"}}), "content_filter"),
        (
            Answer(message={"role": "assistant", "content": ""}, finish_reason="content_filter"),
            "content_filter",
        ),
    ],
)
def test_overflow_and_filter_are_outcomes_of_the_model(answer, stop):
    with rig([answer]) as (_, made):
        assert made.trial().complete(ASK, []).stop == stop
    assert made.book.outcomes == [stop]


def test_steps_stop_without_a_call():
    with rig(lambda _: text("ok"), limits=Limits(steps=2)) as (stub, made):
        backend = made.trial()
        stops = [backend.complete(ASK, []).stop for _ in range(4)]
    assert stops == [None, None, "steps", "steps"]
    assert len(stub.requests) == 2


def test_token_limit_holds_a_whole_output_back():
    script = lambda _: text("ok", usage=usage_of(50, 10))  # noqa: E731
    limits = Limits(tokens=400, output_tokens=100)
    with rig(script, limits=limits) as (stub, made):
        backend = made.trial()
        replies = [backend.complete(ASK, []) for _ in range(9)]
    assert replies[-1].stop == "tokens"
    assert sum(s.usage["prompt_tokens"] + s.usage["completion_tokens"] for s in stub.served) <= 400
    assert len(stub.requests) >= 4


def test_usd_limit_stops_before_it_is_passed():
    script = lambda _: text("ok", usage=usage_of(1000, 100))  # noqa: E731
    limits = Limits(usd=Decimal("0.01"), output_tokens=100)
    with rig(script, limits=limits) as (stub, made):
        backend = made.trial()
        replies = [backend.complete(ASK, []) for _ in range(20)]
    spent = Decimal("0.0014") * len(stub.requests)
    assert replies[-1].stop == "usd"
    assert Decimal("0.008") < spent <= Decimal("0.01")


def test_the_clock_bounds_a_call_in_flight():
    with rig([fault("hang")], limits=Limits(seconds=0.4)) as (_, made):
        backend = made.trial()
        assert backend.complete(ASK, []).stop == "seconds"
        assert backend.complete(ASK, []).stop == "seconds"
    assert made.book.outcomes == ["timeout"]


def test_a_slow_drip_does_not_outlive_the_deadline():
    with rig([fault("drip", drip_s=60)], limits=Limits(seconds=0.4)) as (_, made):
        assert made.trial().complete(ASK, []).stop == "seconds"


def test_missing_usage_is_estimated_and_listed():
    with rig([text("a reply of some length", usage=None)]) as (_, made):
        reply = made.trial().complete(ASK, [])
    assert reply.usage.estimated
    assert reply.usage.prompt > 0
    (only,) = made.book.statements(made.spec)
    assert only.cost.status == "estimated"
    assert only.possibly_billed


def test_an_output_that_was_told_is_kept_where_no_prompt_was():
    with rig([text("brief", usage=usage_of(0, 700))]) as (_, made):
        used = made.trial().complete(ASK, []).usage
    assert (used.output, used.estimated) == (700, True)
    assert used.prompt > 0


def test_failed_calls_with_usage_are_settled_exactly():
    empty = Answer(choices=[], usage=usage_of(30, 5))
    with rig([empty, text("ok", usage=usage_of(30, 6))]) as (_, made):
        made.trial().complete(ASK, [])
    assert made.book.outcomes == ["malformed_reply", "ok"]
    assert made.book.ends[0].usage == Usage(input_fresh=30, output=5)


def test_doubtful_spending_is_a_fault_and_never_the_models_limit():
    limits = Limits(tokens=500, output_tokens=300)
    with (
        rig(lambda _: fault("cut"), limits=limits) as (_, made),
        pytest.raises(ProviderError, match="may have cost the rest"),
    ):
        made.trial().complete(ASK, [])


def test_no_connection_costs_nothing():
    with (
        rig([text("never")], base_url="http://127.0.0.1:9/v1") as (_, made),
        pytest.raises(ProviderError, match="connection"),
    ):
        made.trial().complete(ASK, [])
    assert {e.sent for e in made.book.ends} == {False}
    assert {s.bound_usd for s in made.book.statements(made.spec)} == {Decimal(0)}


def test_repeated_tokens_need_a_byte_identical_beginning():
    sizes = iter([100, 150, 40, 60, 60])
    with rig(lambda _: text("ok", usage=usage_of(next(sizes), 1))) as (_, made):
        backend = made.trial()
        longer = [*ASK, {"role": "user", "content": "more"}]
        backend.complete(ASK, [])
        backend.complete(longer, [])
        backend.complete(longer, [])  # a shorter prompt than the one before
        backend.complete([ASK[1], *longer], [])
        backend.complete([ASK[1], *longer], [BASH])  # other tools
    assert [e.repeated_tokens for e in made.book.ends] == [0, 100, 40, 0, 0]


def test_truncations_are_counted():
    cut_off = Answer(message={"role": "assistant", "content": "half a"}, finish_reason="length")
    with rig([cut_off]) as (_, made):
        backend = made.trial()
        assert backend.complete(ASK, []).truncated
    assert backend.tally.truncations == 1


def test_arguments_that_are_not_json_come_through_as_they_are():
    with rig([calls(("bash", '{"command": '), ("bash", "{}"))]) as (_, made):
        reply = made.trial().complete(ASK, [BASH])
    assert [c.arguments for c in reply.tool_calls] == ['{"command": ', "{}"]


def test_returned_model_and_upstream_are_recorded():
    with rig([text("x", model="m-0923", extra={"provider": "Elsewhere"})]) as (_, made):
        backend = made.trial()
        backend.complete(ASK, [])
    assert made.book.ends[0].returned_model == "m-0923"
    assert made.book.ends[0].upstream == "Elsewhere"
    assert made.book.ends[0].requested_model == "m"


def test_the_key_is_nowhere():
    key = "sk-canary-5f2a"
    refusal = error(401, {"error": {"message": f"the key {key} is wrong"}})
    with rig([text("ok"), refusal], api_key_env="K", environ={"K": key}) as (stub, made):
        backend = made.trial()
        backend.complete(ASK, [])
        with pytest.raises(ProviderError) as raised:
            backend.complete(ASK, [])
        shown = [repr(made.pool), repr(backend), repr(vars(made.pool)), str(raised.value)]
    assert stub.requests[0].headers["authorization"] == f"Bearer {key}"
    everything = [*shown, repr(made.notes.entries), repr(made.book.calls()), repr(made.spec)]
    assert not [t for t in everything if key in t]


def test_nothing_of_the_environment_reaches_the_provider(monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "leak-7731")
    with rig([text("ok")]) as (stub, made):
        made.trial().complete(ASK, [])
    assert "leak-7731" not in repr(stub.requests[0].headers)
    assert "authorization" not in stub.requests[0].headers


def test_one_limiter_for_all_threads():
    script = lambda _: text("ok", delay_s=0.02)  # noqa: E731
    with rig(script, rate={"concurrency": 3}) as (stub, made):
        backends = [made.trial(f"t{n}") for n in range(10)]
        threads = [threading.Thread(target=b.complete, args=(ASK, [])) for b in backends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(stub.requests) == 10
    assert stub.peak_in_flight == 3


def test_closing_turns_waiting_trials_away():
    with rig(lambda _: text("ok", delay_s=5), rate={"concurrency": 1}) as (_, made):
        raised = []

        def go():
            try:
                made.trial().complete(ASK, [])
            except Exception as problem:
                raised.append(problem)

        threads = [threading.Thread(target=go, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        made.pool.close()
        time.sleep(0.3)
    assert len([r for r in raised if isinstance(r, HarnessError)]) >= 2


def test_reserved_is_given_back():
    with rig([text("ok", usage=usage_of(10, 1))]) as (_, made):
        budget = made.budgets.open_trial("c")
        backend = made.trial(budget=budget)
        backend.complete(ASK, [])
    assert budget.spent == Amount(Decimal("0.000014"), 11)
    assert budget.held == Amount()


def test_calls_at_the_same_time_are_steps_of_their_own():
    gate = threading.Barrier(3)

    def together(_):
        gate.wait(10)
        return text("ok")

    with rig(together) as (_, made):
        backend = made.trial()
        threads = [threading.Thread(target=backend.complete, args=(ASK, [])) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(begin.step for begin in made.book.begun) == [1, 2, 3]
