"""Every vendor's usage, one invariant."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.money import usage
from arena.records import Usage

APIS = ("chat", "messages", "responses")
SHAPES = {
    "openai": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 300,
            "total_tokens": 1300,
            "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 200},
        },
        Usage(input_fresh=300, cache_read=600, cache_write=100, output=300, reasoning=200),
    ),
    "anthropic compatible route": (
        {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57},
        Usage(input_fresh=50, output=7),
    ),
    "anthropic messages": (
        {
            "input_tokens": 20,
            "cache_read_input_tokens": 800,
            "cache_creation_input_tokens": 180,
            "output_tokens": 40,
            "output_tokens_details": {"thinking_tokens": 25},
        },
        Usage(input_fresh=20, cache_read=800, cache_write=180, output=40, reasoning=25),
    ),
    "messages: fields of other APIs beside their own": (
        {
            "input_tokens": 100,
            "cache_read_input_tokens": 900,
            "output_tokens": 10,
            "prompt_tokens": 1000,
            "completion_tokens": 10,
            "total_tokens": 1010,
            "prompt_tokens_details": {"cached_tokens": 900},
        },
        Usage(input_fresh=100, cache_read=900, output=10),
    ),
    "messages: compactions are billed and not in the counts at the top": (
        {
            "input_tokens": 23_000,
            "output_tokens": 1000,
            "iterations": [
                {
                    "type": "compaction",
                    "input_tokens": 150_000,
                    "cache_read_input_tokens": 20_000,
                    "cache_creation_input_tokens": 10_000,
                    "output_tokens": 3500,
                },
                {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
            ],
        },
        Usage(input_fresh=173_000, cache_read=20_000, cache_write=10_000, output=4500),
    ),
    "responses without details": (
        {"input_tokens": 900, "output_tokens": 80, "cache_read_input_tokens": 500},
        Usage(input_fresh=900, output=80),
    ),
    "openai responses": (
        {
            "input_tokens": 900,
            "input_tokens_details": {"cached_tokens": 500},
            "output_tokens": 80,
            "output_tokens_details": {"reasoning_tokens": 30},
            "total_tokens": 980,
        },
        Usage(input_fresh=400, cache_read=500, output=80, reasoning=30),
    ),
    "xai: completion leaves reasoning out, total has it": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 420,
            "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens_details": {"reasoning_tokens": 300},
        },
        Usage(input_fresh=60, cache_read=40, output=320, reasoning=300),
    ),
    "deepseek: hit and miss": (
        {
            "prompt_tokens": 700,
            "completion_tokens": 90,
            "total_tokens": 790,
            "prompt_cache_hit_tokens": 640,
            "prompt_cache_miss_tokens": 60,
            "completion_tokens_details": {"reasoning_tokens": 70},
        },
        Usage(input_fresh=60, cache_read=640, output=90, reasoning=70),
    ),
    "moonshot: cached at the top": (
        {"prompt_tokens": 700, "completion_tokens": 9, "total_tokens": 709, "cached_tokens": 512},
        Usage(input_fresh=188, cache_read=512, output=9),
    ),
    "alibaba: explicit cache": (
        {
            "prompt_tokens": 3000,
            "completion_tokens": 10,
            "total_tokens": 3010,
            "prompt_tokens_details": {
                "cached_tokens": 1000,
                "cache_creation_input_tokens": 1500,
                "cache_type": "ephemeral",
            },
        },
        Usage(input_fresh=500, cache_read=1000, cache_write=1500, output=10),
    ),
    "google, and proxies of its models: what was thought is in the total alone": (
        {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623},
        Usage(input_fresh=20, output=603, reasoning=405),
    ),
    "a total that counts a cache beside the prompt": (
        {
            "prompt_tokens": 500,
            "completion_tokens": 7,
            "total_tokens": 907,
            "prompt_tokens_details": {"cached_tokens": 400},
        },
        Usage(input_fresh=100, cache_read=400, output=7),
    ),
    "a total that counts a cache of Anthropic's words beside the prompt": (
        {
            "prompt_tokens": 500,
            "completion_tokens": 7,
            "total_tokens": 1007,
            "cache_read_input_tokens": 400,
            "cache_creation_input_tokens": 100,
        },
        Usage(input_fresh=0, cache_read=400, cache_write=100, output=7),
    ),
    "mistral: cached at the top": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 20,
            "total_tokens": 1020,
            "num_cached_tokens": 960,
        },
        Usage(input_fresh=40, cache_read=960, output=20),
    ),
    "mistral: details of a token": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 20,
            "total_tokens": 1020,
            "prompt_token_details": {"cached_tokens": 960},
        },
        Usage(input_fresh=40, cache_read=960, output=20),
    ),
    "litellm before anthropic: what was written to the cache at the top": (
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1000},
            "cache_creation_input_tokens": 900,
        },
        Usage(input_fresh=106, cache_read=1000, cache_write=900, output=300),
    ),
    "details that are null": (
        {
            "prompt_tokens": 5,
            "completion_tokens": 6,
            "total_tokens": 11,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
        Usage(input_fresh=5, output=6),
    ),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_vendor_shape(shape):
    raw, expected = SHAPES[shape]
    assert usage.normalise(json.loads(json.dumps(raw)), api_of(shape)) == expected


def api_of(shape):
    return next((api for api in ("messages", "responses") if api in shape), "chat")


def test_cached_tokens_are_not_counted_twice():
    raw, _ = SHAPES["openai"]
    found = usage.normalise(raw, "chat")
    assert found.prompt == raw["prompt_tokens"]


def test_a_profile_settles_whether_reasoning_is_in_the_output():
    raw = {
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "completion_tokens_details": {"reasoning_tokens": 15},
    }
    assert usage.normalise(raw, "chat").output == 20
    assert usage.normalise(raw, "chat", reasoning_in_output=False).output == 35
    whole = {**raw, "total_tokens": 45}
    assert usage.normalise(whole, "chat").output == 35
    assert usage.normalise(whole, "chat", reasoning_in_output=True).output == 20


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "12",
        {},
        {"prompt_tokens": 3},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": True, "completion_tokens": 2},
        {"prompt_tokens": float("inf"), "completion_tokens": 2},
        {"prompt_tokens": float("nan"), "completion_tokens": 2},
        {"prompt_tokens": 10**400, "completion_tokens": 2},
        {"prompt_tokens": 2**53 + 1, "completion_tokens": 2},
        {"prompt_tokens": 1e300, "completion_tokens": 2},
        {"input_tokens": 3, "output_tokens": 10**400},
        {"prompt_tokens": 1.5, "completion_tokens": 2},
        {"input_tokens": 3},
    ],
)
def test_what_is_not_told_is_none_and_never_zero(raw):
    assert [usage.normalise(raw, api) for api in APIS] == [None] * 3


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "prompt_tokens",
                "completion_tokens",
                "total_tokens",
                "cached_tokens",
                "prompt_cache_hit_tokens",
                "prompt_cache_miss_tokens",
                "input_tokens",
                "output_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
            ]
        ),
        st.one_of(
            st.integers(-3, 10**7),
            st.integers(),
            st.just(10**400),
            st.none(),
            st.floats(),
            st.text(max_size=3),
        ),
    ),
    st.dictionaries(
        st.sampled_from(["cached_tokens", "cache_write_tokens"]), st.integers(-1, 10**7)
    ),
    st.integers(-1, 10**7),
    st.sampled_from(APIS),
)
def test_the_invariant_holds_for_whatever_comes(top, details, reasoning, api):
    raw = {
        **top,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    found = usage.normalise(raw, api)
    if found is None:
        return
    assert found.prompt == found.input_fresh + found.cache_read + found.cache_write
    assert found.reasoning <= found.output
    if api != "chat":
        return
    if isinstance(top.get("prompt_tokens"), int) and 0 <= top["prompt_tokens"] <= usage.LARGEST:
        assert found.prompt == top["prompt_tokens"]


def test_costs_that_providers_tell():
    assert usage.reported_usd({"cost": 0.00123}) == Decimal("0.00123")
    assert usage.reported_usd({"cost_in_usd_ticks": 37756000}) == Decimal("0.0037756")
    assert usage.reported_usd({"prompt_tokens": 1}) is None
    assert usage.reported_usd({"cost": float("nan")}) is None
    assert usage.reported_usd(None) is None


@pytest.mark.parametrize(
    ("told", "usd"),
    [
        ({"cost": 0, "is_byok": True}, None),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.036}}, "0.036"),
        ({"cost": 0.0018, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.036}},
         "0.0378"),
        ({"cost": 0, "cost_details": {"upstream_inference_cost": "0.036"}}, "0.036"),
        ({"cost": 0.04, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.036}},
         "0.04"),
        ({"cost": 0.04, "cost_details": {"upstream_inference_cost": None}}, "0.04"),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
        ({"cost": 0}, "0"),
    ],
)  # fmt: skip
def test_with_ones_own_key_both_the_upstream_and_the_router_are_paid(told, usd):
    assert usage.reported_usd(told) == (None if usd is None else Decimal(usd))


ODD_COSTS = [10**400, 1e300, float("inf"), "1e999999999", "NaN", "sNaN", "-1", "Infinity", "\ud800"]


@pytest.mark.parametrize("told", ODD_COSTS, ids=lambda told: ascii(told)[:12])
def test_a_cost_that_nobody_can_mean_is_unknown(told):
    assert usage.reported_usd({"cost": told}) is None
    assert usage.reported_usd({"cost_in_usd_ticks": told}) is None
    assert usage.reported_usd({"cost_in_usd_ticks": told, "cost": "0.5"}) == Decimal("0.5")


def test_the_largest_count_is_one():
    raw = {"prompt_tokens": 2**53, "completion_tokens": 0, "cached_tokens": 10**400}
    assert usage.normalise(raw, "chat") == Usage(input_fresh=2**53, output=0)


def test_estimates_are_marked():
    assert usage.estimate(10, 7) == Usage(input_fresh=10, output=3, estimated=True)
