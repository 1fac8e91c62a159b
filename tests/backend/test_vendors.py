"""Every provider profile against a server that holds it to that vendor's rules."""

import json
import threading
from decimal import Decimal

import pytest

from arena.errors import InputError, ProviderError
from arena.records import Limits, ToolSpec
from tests.backend.rig import ASK, BASH, Rig
from tests.servers.openai_stub import error, fault
from tests.servers.sheets import SHEETS
from tests.servers.vendor import KEY, SHIPPED, Vendor, bash, say

PROVIDERS = sorted(SHEETS)
WORK = [bash("ls", "cat a.py"), bash("sed -i s/a/b/ a.py"), bash("pytest"), say("fixed")]


def rig_for(vendor, *, spec=None, limits=None, **table):
    spec = spec or vendor.spec(**table)
    limits = limits or Limits(output_tokens=2000)
    return Rig(vendor.stub, spec=spec, limits=limits, environ={"STAND_IN_KEY": KEY})


def converse(backend, *, turns=10):
    """The tool loop of any agent: replies go back as they came."""
    history, replies = list(ASK), []
    for _ in range(turns):
        reply = backend.complete(history, [BASH])
        replies.append(reply)
        if reply.stop is not None or not reply.tool_calls:
            break
        history.append(reply.message)
        history += [
            {"role": "tool", "tool_call_id": call.id, "content": f"output of {call.arguments}"}
            for call in reply.tool_calls
        ]
    return history, replies


def test_every_profile_has_a_sheet_and_every_sheet_a_profile():
    assert set(SHIPPED.profiles) == set(SHEETS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_tool_conversation_completes(provider, stream):
    with Vendor(provider, WORK) as vendor:
        spec = vendor.spec()
        if stream and not spec.quirks.stream:
            spec = vendor.spec(streaming=True)
        rig = rig_for(vendor, spec=spec)
        _, replies = converse(rig.trial())
    assert replies[-1].text.endswith("fixed")
    assert vendor.refusals == []
    assert len(replies) == 4
    assert not any(r.truncated for r in replies)
    assert [(e.usage.prompt, e.usage.cache_read, e.usage.output) for e in rig.book.ends] == [
        (g.prompt, g.cached, g.output) for g in vendor.truth
    ]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_output_limit_has_effect(provider):
    with Vendor(provider, [say("a long answer " * 2000)]) as vendor:
        rig = rig_for(vendor, limits=Limits(output_tokens=2000))
        backend = rig.trial()
        _, (reply,) = converse(backend)
    assert reply.truncated
    assert backend.tally.truncations == 1
    assert len(reply.text) > 4 * 1500, "the vendor's default applied instead"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_but_the_profile_is_sent(provider):
    with Vendor(provider, WORK) as vendor:
        rig = rig_for(vendor)
        converse(rig.trial())
    quirks = rig.spec.quirks
    allowed = {"model", "messages", "tools", quirks.output_limit_param, *quirks.extra_body}
    allowed |= {"stream", "stream_options"} if quirks.stream else set()
    assert set(vendor.stub.requests[0].body) == allowed


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_run_is_marked_as_simulated(provider):
    with Vendor(provider, WORK) as vendor:
        spec = vendor.spec()
    if SHIPPED.profiles[provider].self_hosted:
        assert not spec.simulated
    else:
        assert spec.simulated
        assert (spec.lab, spec.country) == (None, None)
        assert spec.name.startswith("simulated:")


# ── each rule, broken ──────────────────────────────────────────────────────────────────────────


def refused(provider, *, body=None, drop=(), history=None, tools=(BASH,), **table):
    """The outcome of a request that differs from the profile's; None when it was accepted."""
    with Vendor(provider, WORK) as vendor:
        spec = vendor.spec(**table)
        quirks = spec.quirks
        extra = {k: v for k, v in {**quirks.extra_body, **(body or {})}.items() if k not in drop}
        spec = spec.model_copy(update={"quirks": quirks.model_copy(update={"extra_body": extra})})
        rig = rig_for(vendor, spec=spec)
        try:
            rig.trial().complete(history or ASK, tools)
        except ProviderError:
            assert vendor.refusals
            return rig.book.outcomes[-1]
        return None


REPLAY = sorted(p for p, sheet in SHEETS.items() if sheet.replay)


@pytest.mark.parametrize("provider", REPLAY)
def test_rebuilt_assistant_messages_are_refused(provider):
    with Vendor(provider, WORK) as vendor:
        rig = rig_for(vendor)
        history, _ = converse(rig.trial(), turns=2)
        rebuilt = [
            {
                k: (
                    [{x: c[x] for x in ("id", "type", "function")} for c in v]
                    if k == "tool_calls"
                    else v
                )
                for k, v in m.items()
                if k in {"role", "content", "tool_calls", "tool_call_id"}
            }
            for m in history
        ]
        assert rebuilt != history
        with pytest.raises(ProviderError, match="bad_request"):
            rig.trial("t2").complete(rebuilt, [BASH])
        assert vendor.refusals == [vendor.sheet.replay_error]
        rig.trial("t3").complete(history, [BASH])


def test_minimax_takes_think_text_back_too():
    with Vendor("minimax", WORK) as vendor:
        spec = vendor.spec()
        plain = spec.quirks.model_copy(update={"extra_body": {}})
        rig = rig_for(vendor, spec=spec.model_copy(update={"quirks": plain}))
        _, replies = converse(rig.trial())
    assert "<think>" in replies[0].message["content"]
    assert replies[-1].text.endswith("fixed")


LIMIT_NAMES = ("max_tokens", "max_completion_tokens")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_the_wrong_limit_parameter_shows(provider, name):
    sheet = SHEETS[provider]
    with Vendor(provider, [say("a long answer " * 4000)]) as vendor:
        rig = rig_for(vendor, output_limit_param=name, limits=Limits(output_tokens=8000))
        try:
            reply = rig.trial().complete(ASK, [BASH])
        except ProviderError:
            assert name in sheet.refused
            return
    assert name not in sheet.refused
    honoured = len(reply.text) > 4 * 7000
    assert honoured == (name in sheet.limits)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "value", ["none", "required", {"type": "function", "function": {"name": "bash"}}], ids=str
)
def test_forced_tool_choice(provider, value):
    sheet = SHEETS[provider]
    name = "named" if isinstance(value, dict) else value
    taken = "tool_choice" not in sheet.refused and (
        sheet.tool_choice is None or name in sheet.tool_choice
    )
    assert (refused(provider, body={"tool_choice": value}) is None) == taken


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("value", [0, 0.7, 1, 1.5])
def test_temperature(provider, value):
    taken = SHEETS[provider].temperature(value)
    assert (refused(provider, body={"temperature": value}) is None) == taken


@pytest.mark.parametrize(
    ("provider", "name"), [(p, n) for p in PROVIDERS for n in sorted(SHEETS[p].refused)]
)
def test_refused_parameters(provider, name):
    assert refused(provider, body={name: 1}) == "bad_request"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_catalogue_warns_of_what_the_vendor_refuses(provider):
    """A parameter the sheet refuses is refused by `resolve` or is one we choose ourselves."""
    chosen = {*LIMIT_NAMES, "parallel_tool_calls", "n", "logprobs", "top_p"}
    with Vendor(provider, WORK) as vendor:
        for name in sorted(SHEETS[provider].refused - chosen):
            if provider == "openai":  # which of them are refused depends on the model
                continue
            with pytest.raises(InputError):
                vendor.spec(extra_body={name: 1})


def test_alibaba_thinks_in_streams_only():
    with Vendor("alibaba", WORK) as vendor, pytest.raises(InputError, match="streams only"):
        vendor.spec(streaming=False)
    quiet = {"body": {"enable_thinking": True}}
    assert refused("alibaba", model="qwen3-max", **quiet) == "bad_request"
    assert refused("alibaba", model="qwen3-max", streaming=True, **quiet) is None


def test_zhipu_refuses_strict_tools():
    class Strict(ToolSpec):
        strict: bool = True

    assert refused("zai", tools=[Strict(**BASH.model_dump())]) == "bad_request"


def test_openai_limits_the_length_of_call_ids():
    made = {"id": "x" * 41, "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    history = [
        *ASK,
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": made["id"], "content": "x"},
    ]
    assert refused("openai", history=history) == "bad_request"


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-6.1-terra"])
def test_new_openai_models_take_tools_only_without_reasoning(model):
    assert refused("openai", model=model) is None
    assert refused("openai", model=model, drop=["reasoning_effort"]) == "bad_request"


@pytest.mark.parametrize("model", ["gpt-6.1-sol", "gpt-6-astra"])
def test_some_openai_models_take_no_tools_on_chat_completions(model):
    assert refused("openai", model=model) == "bad_request"
    assert refused("openai", model=model, body={"reasoning_effort": "none"}) == "bad_request"
    assert refused("openai", model=model, tools=[]) is None
    with Vendor("openai", WORK) as vendor:
        assert not vendor.spec(model=model).chat_tools


def test_volcengine_wants_dated_models():
    with Vendor("volcengine", WORK) as vendor:
        spec = vendor.spec().model_copy(update={"model": "doubao-seed-1-6"})
        with pytest.raises(ProviderError) as raised:
            rig_for(vendor, spec=spec).trial().complete(ASK, [BASH])
    assert raised.value.stops_contestant


def test_llamacpp_gives_one_call_unless_asked():
    with Vendor("llamacpp", WORK) as vendor:
        one = rig_for(vendor).trial().complete(ASK, [BASH])
        both = (
            rig_for(vendor, extra_body={"parallel_tool_calls": True}).trial().complete(ASK, [BASH])
        )
    assert (len(one.tool_calls), len(both.tool_calls)) == (1, 2)


def test_a_router_serves_from_the_pinned_upstream_alone():
    with Vendor("openrouter", WORK) as vendor:
        rig = rig_for(vendor, upstream="novita", quantization="fp8")
        backend = rig.trial()
        converse(backend)
        sent = vendor.stub.requests[0].body["provider"]
        spec = vendor.spec()
        loose = spec.quirks.model_copy(update={"extra_body": {}})
        wild = rig_for(vendor, spec=spec.model_copy(update={"quirks": loose}))
        converse(wild.trial())
    assert sent == {"order": ["novita"], "allow_fallbacks": False, "quantizations": ["fp8"]}
    assert len({e.upstream for e in wild.book.ends}) > 1
    assert {e.upstream for e in rig.book.ends} == {"novita"}


def test_a_wrong_key_stops_the_contestant():
    for provider in PROVIDERS:
        with Vendor(provider, WORK) as vendor:
            rig = Rig(vendor.stub, spec=vendor.spec(), environ={"STAND_IN_KEY": "sk-wrong"})
            with pytest.raises(ProviderError) as raised:
                rig.trial().complete(ASK, [BASH])
        assert raised.value.stops_contestant, provider
        assert vendor.truth == []


# ── each way to say no ─────────────────────────────────────────────────────────────────────────

NAMES = {
    "rate": "rate_limited",
    "budget": "rate_limited",
    "busy": "overloaded",
    "auth": "auth",
    "quota": "quota_exhausted",
    "context": "context_overflow",
    "filter": "content_filter",
}
SAID = [(p, n) for p in PROVIDERS for n in SHEETS[p].errors]


@pytest.mark.parametrize(("provider", "name"), SAID)
def test_what_the_vendor_says_is_understood(provider, name):
    outcome = NAMES[name]
    with Vendor(provider, WORK, faults=lambda n: name if n == 0 else None) as vendor:
        rig = rig_for(vendor)
        backend = rig.trial()
        if outcome in {"rate_limited", "overloaded"}:
            _, replies = converse(backend)
            assert replies[-1].text.endswith("fixed")
            assert len(rig.book.begun) == 5
        elif outcome in {"context_overflow", "content_filter"}:
            assert backend.complete(ASK, [BASH]).stop == outcome
        else:
            with pytest.raises(ProviderError) as raised:
                backend.complete(ASK, [BASH])
            assert raised.value.stops_contestant
            assert len(rig.book.begun) == 1
    assert rig.book.outcomes[0] == outcome


TROUBLE = [
    error(429, Retry_After="0"),
    error(500),
    error(503),
    fault("cut"),
    fault("garbage"),
    fault("close"),
]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_conversation_survives_trouble(provider):
    """One fault before each of the four turns and two before the last."""
    faults = dict(zip((0, 2, 4, 6, 7, 8), TROUBLE, strict=True))
    with Vendor(provider, WORK, faults=faults.get) as vendor:
        rig = rig_for(vendor)
        _, replies = converse(rig.trial())
    assert replies[-1].text.endswith("fixed")
    assert len(rig.book.begun) == 10
    settled = sum(e.usage.prompt + e.usage.output for e in rig.book.ends if e.usage)
    bounds = sum(s.bound_tokens for s in rig.book.statements(rig.spec))
    served = sum(g.prompt + g.output for g in vendor.truth)
    assert settled <= served <= settled + bounds


def test_two_trials_of_one_key_keep_to_one_call_in_flight():
    with Vendor("zai", WORK, delay_s=0.02) as vendor:
        rig = rig_for(vendor)
        backends = [rig.trial(f"t{n}") for n in range(3)]
        threads = [threading.Thread(target=converse, args=(b,)) for b in backends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(rig.book.outcomes) == {"ok"}
    assert len(vendor.truth) == 12


def test_reported_costs_are_recorded_and_compared():
    with Vendor("xai", WORK) as vendor:
        rig = rig_for(vendor)
        converse(rig.trial())
    ends = rig.book.ends
    told = [
        Decimal(json.loads(json.dumps(e.raw_usage))["cost_in_usd_ticks"]) / 10**10 for e in ends
    ]
    assert [e.reported_usd for e in ends] == told
    found = rig.book.statements(rig.spec)
    assert [s.cost.billed_usd for s in found] == told
    assert all(s.cost.computed_usd is not None for s in found)
