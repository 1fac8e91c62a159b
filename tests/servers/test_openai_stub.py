"""The stub itself, driven by the plain client that everybody uses."""

import json

import openai
import pytest

from tests.servers.openai_stub import Stub, by_turn, call, calls, error, fault, text

ASK = [{"role": "user", "content": "hello"}]


def client_of(stub: Stub, **how) -> openai.OpenAI:
    return openai.OpenAI(base_url=stub.base_url, api_key="k", max_retries=0, **how)


def test_list_script_answers_in_order_and_records_what_it_served():
    with Stub([call("bash", command="ls"), text("done")]) as stub:
        client = client_of(stub)
        first = client.chat.completions.create(model="m", messages=ASK)
        second = client.chat.completions.create(model="m", messages=ASK)
    assert first.choices[0].message.tool_calls[0].function.arguments == '{"command": "ls"}'
    assert second.choices[0].message.content == "done"
    assert [s.usage["prompt_tokens"] for s in stub.served] == [first.usage.prompt_tokens] * 2
    assert stub.requests[0].headers["authorization"] == "Bearer k"


def test_stream_carries_the_same_reply():
    with Stub([calls(("bash", {"command": "echo a longer command"}), content="Looking")]) as stub:
        stream = client_of(stub).chat.completions.create(
            model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
    deltas = [c.choices[0].delta for c in chunks if c.choices]
    assert "".join(d.content or "" for d in deltas) == "Looking"
    arguments = "".join(t.function.arguments for d in deltas for t in d.tool_calls or [])
    assert arguments == '{"command": "echo a longer command"}'
    assert chunks[-1].usage.prompt_tokens == stub.served[0].usage["prompt_tokens"]


def test_by_turn_counts_assistant_messages():
    with Stub(by_turn([text("one"), text("two")])) as stub:
        client = client_of(stub)
        history = [*ASK, {"role": "assistant", "content": "one"}, *ASK]
        reply = client.chat.completions.create(model="m", messages=history)
    assert reply.choices[0].message.content == "two"


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("hang", openai.APITimeoutError),
        ("close", openai.APIConnectionError),
        ("cut", openai.APIConnectionError),
        ("garbage", json.JSONDecodeError),
    ],
)
def test_faults_reach_the_client(kind, raised):
    with Stub([fault(kind)]) as stub, client_of(stub, timeout=0.3) as client, pytest.raises(raised):
        client.chat.completions.create(model="m", messages=ASK)
    assert stub.served[0].usage["prompt_tokens"] > 0
    assert not stub.served[0].told


def test_errors_carry_status_headers_and_are_not_served():
    with (
        Stub([error(429, Retry_After="3")]) as stub,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        client_of(stub).chat.completions.create(model="m", messages=ASK)
    assert raised.value.response.headers["retry-after"] == "3"
    assert stub.served == []
