"""What each vendor does with a request, as its documentation and third-party clients tell it.

Written from those sources alone and never from our own profiles: a profile that is wrong must meet
a server that knows better. Unknown behaviour is left open (`None`, nothing refused).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = Callable[[int, str, str], tuple[int, Any]]
"""(status, code, message) to the status and body that go out."""

UsageShape = Callable[[int, int, int, int], dict[str, Any]]
"""(prompt, cached, visible output, reasoning) to the usage object."""


# ── shapes of errors ───────────────────────────────────────────────────────────────────────────


def openai_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"message": message, "type": "error", "param": None, "code": code}}


def anthropic_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"type": "error", "error": {"type": code, "message": message}}


def google_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, [{"error": {"code": status, "message": message, "status": code}}]


def typed_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"type": code, "message": message}}


def coded_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"code": code, "message": message}}


def flat_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {
        "object": "error",
        "message": message,
        "type": code,
        "param": None,
        "code": status,
    }


def mistral_error(status: int, code: str, message: str) -> tuple[int, Any]:
    kind = "rate_limited" if status == 429 else "invalid_request_error"
    told = {"message": message, "type": kind, "param": None, "code": code}
    return status, {"object": "error", **told, "raw_status_code": status}


def minimax_error(status: int, code: str, message: str) -> tuple[int, Any]:
    if code.isdigit():
        return 200, {
            "choices": None,
            "base_resp": {"status_code": int(code), "status_msg": message},
        }
    return openai_error(status, code, message)


def router_error(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"code": status, "message": message or code, "metadata": {}}}


# ── shapes of usage ────────────────────────────────────────────────────────────────────────────


def openai_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": visible + reasoning,
        "total_tokens": prompt + visible + reasoning,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def plain_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    total = prompt + visible + reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": visible + reasoning,
        "total_tokens": total,
    }


def apart_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    """Reasoning is in the total and not in the completion."""
    found = openai_usage(prompt, cached, visible, reasoning)
    return {**found, "completion_tokens": visible}


def xai_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    ticks = (prompt * 2 + (visible + reasoning) * 6) * 10_000
    return {**apart_usage(prompt, cached, visible, reasoning), "cost_in_usd_ticks": ticks}


def deepseek_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    found = openai_usage(prompt, cached, visible, reasoning)
    del found["prompt_tokens_details"]
    return {
        **found,
        "prompt_cache_hit_tokens": cached,
        "prompt_cache_miss_tokens": prompt - cached,
    }


def moonshot_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    found = openai_usage(prompt, cached, visible, reasoning)
    del found["prompt_tokens_details"]
    return {**found, "cached_tokens": cached}


def sglang_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    return {
        **plain_usage(prompt, cached, visible, reasoning),
        "prompt_tokens_details": {"cached_tokens": cached},
        "reasoning_tokens": reasoning,
    }


def router_usage(prompt: int, cached: int, visible: int, reasoning: int) -> dict[str, Any]:
    found = openai_usage(prompt, cached, visible, reasoning)
    return {**found, "cost": (prompt + 4 * (visible + reasoning)) / 1_000_000}


@dataclass(frozen=True)
class Sheet:
    """One vendor's rules."""

    path: str = "/v1"
    """Before `/chat/completions`."""
    limits: frozenset[str] = frozenset({"max_tokens", "max_completion_tokens"})
    """Output-limit parameters that work."""
    limits_ignored: frozenset[str] = frozenset()
    """Accepted, and without effect."""
    default_limit: int = 4096
    """Output tokens when no limit that works is given."""
    refused: frozenset[str] = frozenset()
    """Body parameters answered with 400."""
    temperature: Callable[[float], bool] = lambda value: True
    """Whether a value is accepted."""
    tool_choice: frozenset[str] | None = None
    """Accepted values; `named` stands for an object. None takes anything."""
    strict_refused: bool = False
    """`strict` inside a tool's function is answered with 400."""
    tool_call_id_limit: int | None = None
    tools_need_no_effort: str | None = None
    """Models that answer tools with 400 unless reasoning_effort is "none"."""
    effort_cannot_be_none: str | None = None
    """Models that answer reasoning_effort "none" with 400."""
    stream_required: bool = False
    reasoning: str | None = None
    """Where reasoning comes back: a field of the message, `details`, `think`, `signature`."""
    replay: bool = False
    """A later request without that reasoning is answered with 400."""
    replay_error: str = "the reasoning of an earlier message is missing"
    empty_turn_error: str | None = None
    """Of an assistant turn with neither content nor calls."""
    empty_calls_error: str | None = None
    """Of an empty list of calls."""
    refused_back: frozenset[str] = frozenset()
    """Fields of an assistant turn that are answered with 400, though they were sent."""
    model_pattern: str = ".*"
    parallel_needs: str | None = None
    """Body parameter without which only one call comes back."""
    empty_finish: bool = False
    """finish_reason is "" when tools are called."""
    shape: Shape = openai_error
    usage: UsageShape = openai_usage
    caches: bool = True
    errors: Mapping[str, tuple[int, str, str]] = field(default_factory=dict)
    """Named ways to say no: (status, code, message)."""
    concurrency: int | None = None
    concurrency_error: str = "rate"
    router: bool = False


# ── vendors ────────────────────────────────────────────────────────────────────────────────────

SAMPLING = frozenset({"top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"})
COMMON = {
    "rate": (429, "rate_limit_exceeded", "slow down"),
    "busy": (503, "server_error", "try later"),
    "auth": (401, "invalid_api_key", "wrong key"),
}


def only(*names: str) -> frozenset[str]:
    return frozenset(names)


ZHIPU = Sheet(
    path="/api/paas/v4",
    limits=only("max_tokens"),
    refused=only("frequency_penalty", "presence_penalty"),
    temperature=lambda value: 0 <= value <= 1,
    tool_choice=only("auto"),
    strict_refused=True,
    empty_turn_error="messages: content must not be empty",
    reasoning="reasoning_content",
    replay=True,
    shape=coded_error,
    concurrency=1,
    errors={
        "rate": (429, "1302", "too many requests at once"),
        "busy": (429, "1305", "the model is busy"),
        "auth": (401, "1002", "invalid token"),
        "quota": (429, "1113", "the account is in arrears"),
        "context": (400, "1261", "Prompt too long"),
        "filter": (400, "1301", "unsafe content"),
    },
)

SHEETS: dict[str, Sheet] = {
    "openai": Sheet(
        limits=only("max_completion_tokens"),
        refused=only("max_tokens") | SAMPLING,
        temperature=lambda value: value == 1,
        tool_call_id_limit=40,
        empty_calls_error="Invalid 'messages[2].tool_calls': empty array. Expected 1 at least.",
        tools_need_no_effort=r"gpt-(5\.[6-9]|6).*",
        effort_cannot_be_none=r"gpt-6\.1-sol|gpt-6-astra|o\d.*",
        errors={
            **COMMON,
            "quota": (429, "insufficient_quota", "check your plan"),
            "context": (400, "context_length_exceeded", "too long"),
            "filter": (400, "content_policy_violation", "no"),
        },
    ),
    "anthropic": Sheet(
        refused=frozenset(),
        shape=anthropic_error,
        usage=plain_usage,
        caches=False,
        errors={
            "rate": (429, "rate_limit_error", "slow down"),
            "busy": (529, "overloaded_error", "Overloaded"),
            "auth": (401, "authentication_error", "invalid x-api-key"),
            "quota": (402, "billing_error", "no credit"),
            "context": (400, "invalid_request_error", "prompt is too long: 300000 tokens > 200000"),
        },
    ),
    "google": Sheet(
        path="/v1beta/openai",
        reasoning="signature",
        replay=True,
        replay_error="Function call is missing a thought_signature in functionCall parts.",
        shape=google_error,
        usage=apart_usage,
        errors={
            "rate": (429, "RESOURCE_EXHAUSTED", "quota per minute"),
            "busy": (503, "UNAVAILABLE", "overloaded"),
            "quota": (402, "RESOURCE_EXHAUSTED", "payment required"),
            "context": (
                400,
                "INVALID_ARGUMENT",
                "The input token count exceeds the maximum number of tokens allowed (1048576).",
            ),
        },
    ),
    "xai": Sheet(
        limits=only("max_tokens"),
        refused=only("stop", "frequency_penalty"),
        tool_choice=only("auto", "none", "required"),
        reasoning="reasoning_content",
        empty_finish=True,
        usage=xai_usage,
        errors=COMMON,
    ),
    "mistral": Sheet(
        limits=only("max_tokens"),
        refused=only("max_completion_tokens"),
        shape=mistral_error,
        usage=plain_usage,
        caches=False,
        errors={
            "rate": (429, "1300", "Rate limit exceeded"),
            "busy": (503, "3505", "Service tier capacity exceeded for this model."),
            "auth": (401, "", "Unauthorized"),
        },
    ),
    "meta": Sheet(
        limits=only("max_completion_tokens"),
        refused=only("stop", "max_tokens"),
        tool_choice=only("auto"),
        errors=COMMON,
    ),
    "deepseek": Sheet(
        path="",
        limits=only("max_tokens"),
        limits_ignored=only("max_completion_tokens"),
        empty_turn_error="Invalid assistant message: content or tool_calls must be set",
        empty_calls_error="Invalid 'messages[2].tool_calls': empty array.",
        tool_choice=only("auto", "none"),
        reasoning="reasoning_content",
        replay=True,
        replay_error="The reasoning_content in the thinking mode must be passed back to the API.",
        usage=deepseek_usage,
        errors={
            **COMMON,
            "quota": (402, "invalid_request_error", "Insufficient Balance"),
            "context": (400, "invalid_request_error", "This model's maximum context length is 9."),
        },
    ),
    "alibaba": Sheet(
        path="/compatible-mode/v1",
        limits=only("max_tokens"),
        refused=only("frequency_penalty"),
        tool_choice=only("auto", "none", "named"),
        reasoning="reasoning_content",
        empty_calls_error="Empty tool_calls is not supported in message",
        errors={
            "rate": (429, "Throttling.RateQuota", "Requests rate limit exceeded"),
            "busy": (503, "ServiceUnavailable", "try later"),
            "auth": (401, "invalid_api_key", "Incorrect API key provided"),
            "quota": (400, "Arrearage", "Access denied, account in arrears"),
            "context": (400, "InvalidParameter", "Range of input length should be [1, 258048]"),
            "filter": (400, "data_inspection_failed", "inappropriate content"),
        },
    ),
    "moonshot": Sheet(
        default_limit=1024,
        empty_turn_error="message at position 2 with role 'assistant' must not be empty",
        empty_calls_error="tool_calls must not be empty",
        refused=only("top_p", "n", "presence_penalty", "frequency_penalty"),
        temperature=lambda value: value == 1,
        tool_choice=only("auto", "none"),
        reasoning="reasoning_content",
        replay=True,
        shape=typed_error,
        usage=moonshot_usage,
        errors={
            "rate": (429, "rate_limit_reached_error", "max RPM"),
            "busy": (429, "engine_overloaded_error", "overloaded"),
            "auth": (401, "invalid_authentication_error", "Invalid Authentication"),
            "quota": (429, "exceeded_current_quota_error", "suspended"),
            "context": (400, "invalid_request_error", "Input token length too long"),
            "filter": (400, "content_filter", "considered high risk"),
        },
    ),
    "zai": ZHIPU,
    "zhipu": ZHIPU,
    "minimax": Sheet(
        limits=only("max_completion_tokens", "max_tokens"),
        refused=only(
            "tool_choice",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "seed",
            "response_format",
            "parallel_tool_calls",
        ),
        temperature=lambda value: 0 < value <= 1,
        reasoning="details",
        replay=True,
        shape=minimax_error,
        errors={
            "rate": (200, "1002", "rate limit"),
            "busy": (503, "busy", "try later"),
            "auth": (200, "1004", "not authorized"),
            "quota": (200, "1008", "insufficient balance"),
            "filter": (200, "1026", "input sensitive"),
        },
    ),
    "volcengine": Sheet(
        path="/api/v3",
        tool_choice=only("auto"),
        reasoning="reasoning_content",
        model_pattern=r".*-\d{6}|ep-.*",
        errors={
            "rate": (429, "RateLimitExceeded.EndpointRPMExceeded", "slow down"),
            "busy": (503, "ServiceOverloaded", "busy"),
            "auth": (401, "AuthenticationError", "wrong key"),
            "quota": (403, "AccountOverdueError", "overdue balance"),
            "filter": (400, "OutputTextRiskDetection", "risk"),
        },
    ),
    "baidu": Sheet(
        path="/v2",
        errors={
            **COMMON,
            "auth": (401, "invalid_iam_token", "IAM Certification failed"),
            "context": (400, "tokens_too_long", "Prompt tokens too long"),
        },
    ),
    "tencent": Sheet(reasoning="reasoning_content", errors=COMMON),
    "stepfun": Sheet(
        shape=typed_error,
        usage=plain_usage,
        caches=False,
        errors={
            **COMMON,
            "quota": (402, "quota", "no balance"),
            "filter": (451, "censorship_blocked", "blocked"),
        },
    ),
    "xiaomi": Sheet(
        reasoning="reasoning_content",
        replay=True,
        replay_error="Param Incorrect",
        errors={**COMMON, "quota": (402, "402", "no balance"), "filter": (421, "421", "blocked")},
    ),
    "openrouter": Sheet(
        path="/api/v1",
        limits=only("max_tokens"),
        reasoning="details",
        replay=True,
        shape=router_error,
        usage=router_usage,
        router=True,
        errors={
            "rate": (429, "", "rate limited"),
            "budget": (402, "", "in_flight_budget_exhausted"),
            "busy": (502, "", "no upstream"),
            "auth": (401, "", "no cookie auth credentials found"),
            "quota": (402, "", "payment_required"),
            "filter": (403, "", "input flagged by moderation"),
        },
    ),
    "siliconflow": Sheet(limits=only("max_tokens"), reasoning="reasoning_content", errors=COMMON),
    "vllm": Sheet(
        reasoning="reasoning",
        errors={"context": (400, "BadRequestError", "This model's maximum context length is 8192")},
    ),
    "sglang": Sheet(
        reasoning="reasoning_content",
        shape=flat_error,
        usage=sglang_usage,
        errors={
            "context": (
                400,
                "BadRequestError",
                "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
            )
        },
    ),
    "ollama": Sheet(
        limits=only("max_tokens"), reasoning="reasoning", usage=plain_usage, caches=False
    ),
    "llamacpp": Sheet(
        limits=only("max_tokens"),
        reasoning="reasoning_content",
        parallel_needs="parallel_tool_calls",
        errors={
            "busy": (503, "unavailable_error", "no slot"),
            "context": (
                400,
                "exceed_context_size_error",
                "the request exceeds the available context size",
            ),
        },
    ),
}
"""By provider id of the catalogue."""

MODELS = {
    "openai": "gpt-5.1",
    "anthropic": "claude-opus-4-6",
    "google": "gemini-4-argon",
    "xai": "grok-4.7",
    "meta": "muse-spark-1.3",
    "mistral": "devstral-2512",
    "baidu": "ernie-5.1",
    "deepseek": "deepseek-v4-pro",
    "alibaba": "qwen3-max-thinking",
    "moonshot": "kimi-k2.6",
    "zai": "glm-5",
    "zhipu": "glm-5",
    "minimax": "MiniMax-M2.7",
    "volcengine": "doubao-seed-1-6",
    "tencent": "hy3",
    "stepfun": "step-3.5-flash",
    "xiaomi": "mimo-v2.6-pro",
    "openrouter": "z-ai/glm-5",
    "siliconflow": "zai-org/GLM-5",
    "vllm": "any/model",
    "sglang": "any/model",
    "ollama": "any-model",
    "llamacpp": "any-model",
}
"""One model of each to speak to."""
