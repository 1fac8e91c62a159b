"""What providers say when a call goes wrong."""

from datetime import date

import pytest

from arena.backend import catalog
from arena.backend.replies import Problem, classify, problem_in


def openai_error(code=None, message="", **more):
    return {"error": {"message": message, "code": code, **more}}


CASES = [
    ("openai", 429, openai_error("rate_limit_exceeded"), "rate_limited"),
    ("openai", 429, openai_error("insufficient_quota"), "quota_exhausted"),
    ("openai", 400, openai_error("context_length_exceeded"), "context_overflow"),
    (
        "openai",
        400,
        openai_error(None, "Invalid prompt: flagged as potentially violating our usage policy"),
        "content_filter",
    ),
    ("openai", 401, openai_error("invalid_api_key"), "auth"),
    ("openai", 400, openai_error("unsupported_value"), "bad_request"),
    (
        "anthropic",
        429,
        {"type": "error", "error": {"type": "rate_limit_error", "message": ""}},
        "rate_limited",
    ),
    (
        "anthropic",
        402,
        {"type": "error", "error": {"type": "billing_error", "message": ""}},
        "quota_exhausted",
    ),
    (
        "anthropic",
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": ""}},
        "overloaded",
    ),
    (
        "anthropic",
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens",
            },
        },
        "context_overflow",
    ),
    (
        "google",
        429,
        [{"error": {"code": 429, "message": "", "status": "RESOURCE_EXHAUSTED"}}],
        "rate_limited",
    ),
    (
        "google",
        402,
        [{"error": {"code": 402, "message": "", "status": "RESOURCE_EXHAUSTED"}}],
        "quota_exhausted",
    ),
    (
        "google",
        400,
        {
            "error": {
                "code": 400,
                "message": "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
                "status": "INVALID_ARGUMENT",
            }
        },
        "context_overflow",
    ),
    (
        "google",
        400,
        {
            "error": {
                "code": 400,
                "message": "Function call is missing a thought_signature",
                "status": "INVALID_ARGUMENT",
            }
        },
        "bad_request",
    ),
    (
        "deepseek",
        402,
        openai_error("invalid_request_error", "Insufficient Balance"),
        "quota_exhausted",
    ),
    ("deepseek", 503, openai_error(), "overloaded"),
    ("deepseek", 422, openai_error(None, "Invalid Parameters"), "bad_request"),
    (
        "deepseek",
        400,
        openai_error(None, "This model's maximum context length is 131072 tokens."),
        "context_overflow",
    ),
    ("alibaba", 429, openai_error("Throttling.RateQuota"), "rate_limited"),
    ("alibaba", 429, openai_error("Throttling.AllocationQuota"), "rate_limited"),
    (
        "alibaba",
        429,
        openai_error(
            "insufficient_quota", "Allocated quota exceeded, please increase your quota limit."
        ),
        "rate_limited",
    ),
    (
        "alibaba",
        429,
        openai_error(
            "insufficient_quota",
            "You exceeded your current quota, please check your billing details.",
        ),
        "quota_exhausted",
    ),
    (
        "alibaba",
        400,
        openai_error("Arrearage", "Access denied, your account is in arrears"),
        "quota_exhausted",
    ),
    (
        "alibaba",
        400,
        openai_error("InvalidParameter", "Range of input length should be [1, 258048]"),
        "context_overflow",
    ),
    ("alibaba", 400, openai_error("data_inspection_failed"), "content_filter"),
    ("moonshot", 429, openai_error(None, type="rate_limit_reached_error"), "rate_limited"),
    ("moonshot", 429, openai_error(None, type="exceeded_current_quota_error"), "quota_exhausted"),
    ("moonshot", 429, openai_error(None, type="engine_overloaded_error"), "overloaded"),
    (
        "moonshot",
        400,
        openai_error(None, "Input token length too long", type="invalid_request_error"),
        "context_overflow",
    ),
    (
        "moonshot",
        400,
        openai_error(
            None, "Your request exceeded model token limit : 262144", type="invalid_request_error"
        ),
        "context_overflow",
    ),
    (
        "moonshot",
        400,
        openai_error(
            None,
            "The request was rejected because it was considered high risk",
            type="content_filter",
        ),
        "content_filter",
    ),
    ("zai", 429, openai_error("1302"), "rate_limited"),
    ("zai", 429, openai_error("1113"), "quota_exhausted"),
    ("zai", 429, openai_error("1308"), "quota_exhausted"),
    ("zai", 429, openai_error("1305"), "overloaded"),
    ("zai", 400, openai_error("1261", "Prompt too long"), "context_overflow"),
    ("zai", 400, openai_error("1301"), "content_filter"),
    ("zhipu", 429, openai_error(1113), "quota_exhausted"),
    ("zhipu", 401, openai_error("1002"), "auth"),
    (
        "minimax",
        200,
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        "quota_exhausted",
    ),
    (
        "minimax",
        200,
        {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        "rate_limited",
    ),
    (
        "minimax",
        200,
        {"base_resp": {"status_code": 1027, "status_msg": "sensitive"}},
        "content_filter",
    ),
    ("minimax", 200, {"base_resp": {"status_code": 1004, "status_msg": "auth"}}, "auth"),
    ("volcengine", 403, openai_error("AccountOverdueError"), "quota_exhausted"),
    ("volcengine", 429, openai_error("RateLimitExceeded.EndpointTPMExceeded"), "rate_limited"),
    ("volcengine", 400, openai_error("OutputTextRiskDetection"), "content_filter"),
    ("volcengine", 404, openai_error("ModelNotOpen"), "bad_request"),
    ("stepfun", 451, openai_error(None, "blocked"), "content_filter"),
    ("stepfun", 402, openai_error(None), "quota_exhausted"),
    ("xiaomi", 421, openai_error("421"), "content_filter"),
    ("openrouter", 402, {"error": {"code": 402, "message": "payment_required"}}, "quota_exhausted"),
    (
        "openrouter",
        402,
        {"error": {"code": 402, "message": "in_flight_budget_exhausted"}},
        "rate_limited",
    ),
    (
        "openrouter",
        402,
        {"error": {"code": 402, "message": "weight_exceeds_budget"}},
        "quota_exhausted",
    ),
    (
        "openrouter",
        403,
        {"error": {"code": 403, "message": "input was flagged by moderation"}},
        "content_filter",
    ),
    ("openrouter", 403, {"error": {"code": 403, "message": "no"}}, "auth"),
    ("openrouter", 200, {"error": {"code": 502, "message": "upstream went away"}}, "overloaded"),
    ("openrouter", 200, {"error": {"code": 429, "message": "upstream is busy"}}, "rate_limited"),
    (
        "llamacpp",
        400,
        {
            "error": {
                "code": 400,
                "type": "exceed_context_size_error",
                "message": "exceeds the available context size",
            }
        },
        "context_overflow",
    ),
    (
        "sglang",
        400,
        {
            "object": "error",
            "message": "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
            "type": "BadRequestError",
            "code": 400,
        },
        "context_overflow",
    ),
    (
        "vllm",
        400,
        openai_error(400, "This model's maximum context length is 8192 tokens."),
        "context_overflow",
    ),
    ("xai", 429, {"error": "too many", "code": "x"}, "rate_limited"),
    ("siliconflow", 429, {"code": 50603, "message": "busy"}, "rate_limited"),
    ("tencent", 500, {}, "overloaded"),
    ("meta", 400, openai_error(None, "tool_choice must be auto"), "bad_request"),
    (
        "mistral",
        429,
        {
            "object": "error",
            "message": "Rate limit exceeded",
            "type": "rate_limited",
            "param": None,
            "code": "1300",
            "raw_status_code": 429,
        },
        "rate_limited",
    ),
    (
        "mistral",
        422,
        {
            "object": "error",
            "message": {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "max_completion_tokens"],
                        "msg": "Extra inputs are not permitted",
                    }
                ]
            },
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
        "bad_request",
    ),
    (
        "baidu",
        400,
        openai_error(
            "characters_too_long", "the max input characters is 8000", type="invalid_request_error"
        ),
        "context_overflow",
    ),
    (
        "baidu",
        400,
        openai_error("tokens_too_long", "Prompt tokens too long", type="invalid_request_error"),
        "context_overflow",
    ),
    (
        "baidu",
        400,
        openai_error("image_url_unsafe", "the content is unsafe", type="unsafe_request"),
        "content_filter",
    ),
    ("baidu", 401, openai_error("invalid_iam_token", "IAM Certification failed"), "auth"),
    ("ollama", 404, openai_error(None, "model not found"), "bad_request"),
]


@pytest.fixture(scope="module")
def profiles():
    return catalog.load().profiles


@pytest.mark.parametrize(("provider", "http", "body", "outcome"), CASES)
def test_each_providers_own_way_of_saying_no(profiles, provider, http, body, outcome):
    problem = problem_in(body, http) or Problem(http)
    assert classify(problem, profiles[provider].errors) == outcome


def test_every_provider_has_a_case(profiles):
    assert {case[0] for case in CASES} == set(profiles)


@pytest.mark.parametrize(
    ("provider", "finish_reason", "outcome"),
    [
        ("openai", "content_filter", "content_filter"),
        ("openai", "stop", None),
        ("openai", "length", None),
        ("zai", "sensitive", "content_filter"),
        ("zai", "model_context_window_exceeded", "context_overflow"),
        ("zai", "network_error", "overloaded"),
        ("sglang", "abort", "overloaded"),
    ],
)
def test_a_whole_reply_may_say_no_too(profiles, provider, finish_reason, outcome):
    problem = Problem(finish_reason=finish_reason)
    assert classify(problem, profiles[provider].errors) == outcome


@pytest.mark.parametrize(
    "body", [None, 3, "x", [], {}, {"choices": []}, {"base_resp": {"status_code": 0}}]
)
def test_bodies_without_an_error(body):
    assert problem_in(body, 200) is None


def test_the_catalogue_is_dated():
    assert all(p.checked_on >= date(2026, 1, 1) for p in catalog.load().profiles.values())
