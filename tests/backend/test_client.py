"""The wire itself: sizes, redirects, odd streams, deadlines, what the environment may add."""

import json
import threading
import time

import pytest

from arena.backend import client as module
from arena.backend.call import events
from arena.backend.chat import Prompt, request_body
from arena.backend.client import EndpointClient
from arena.backend.pool import Backends, missing_keys
from arena.backend.replies import CallFailed
from arena.errors import InputError
from arena.records import BackendSpec, Quirks
from tests.servers.openai_stub import Answer, Stub, error, fault, text

PROMPT = Prompt.of([{"role": "user", "content": "hello"}], [])


def ask(stub, *, timeout_s=5.0, key="k", **quirks):
    spec = BackendSpec(name="s/m", model="m", base_url=stub.base_url, quirks=Quirks(**quirks))
    return EndpointClient(spec.base_url, key).send(
        spec, request_body(spec, PROMPT, 10), timeout_s=timeout_s
    )


def failure(script, **how):
    with Stub(script) as stub, pytest.raises(CallFailed) as raised:
        ask(stub, **how)
    return raised.value


def sse(*chunks, done=True):
    """A stream with these payloads, as they are."""
    lines = [f"data: {json.dumps(c) if isinstance(c, dict) else c}\n\n" for c in chunks]
    body = "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()
    return Answer(body=body, headers={"Content-Type": "text/event-stream"})


def piece(content, finish=None, **more):
    return {"choices": [{"delta": {"content": content}, "finish_reason": finish}], **more}


def test_a_huge_reply_arrives_whole():
    with Stub([text("x" * 20_000_000)]) as stub:
        assert len(ask(stub, timeout_s=30).text) == 20_000_000


@pytest.mark.parametrize("stream", [False, True])
def test_an_endless_reply_is_cut(monkeypatch, stream):
    monkeypatch.setattr(module, "REPLY_LIMIT_BYTES", 10_000)
    found = failure([text("x" * 200_000)], stream=stream)
    assert found.outcome == "malformed_reply"
    assert "larger than" in found.message


def packed_badly(**how):
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}
    return Answer(body=b"data: {} not gzip", headers=headers, **how)


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_cannot_be_unpacked_is_the_endpoints_failure(stream):
    found = failure([packed_badly()], stream=stream)
    assert (found.outcome, found.sent) == ("connection", True)


def test_a_refusal_that_cannot_be_unpacked_keeps_its_status():
    found = failure([packed_badly(status=429)])
    assert (found.outcome, found.http_status) == ("rate_limited", 429)


def test_redirects_are_not_followed():
    found = failure([Answer(status=307, body={}, headers={"Location": "http://127.0.0.1:9/"})])
    assert (found.outcome, found.http_status) == ("bad_request", 307)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_streams_of_every_kind(ending):
    chunks = [": comment", "event: x", f"data: {json.dumps(piece('a'))}", ""]
    chunks += [f"data:{json.dumps(piece('b', 'stop'))}", "", "data: [DONE]"]
    body = ending.join(chunks).encode()
    with Stub([Answer(body=body, headers={"Content-Type": "text/event-stream"})]) as stub:
        assert ask(stub, stream=True).text == "ab"


def test_a_stream_without_an_end_mark_is_whole_if_it_says_why_it_ended():
    with Stub([sse(piece("a"), piece("b", "stop"), done=False)]) as stub:
        assert ask(stub, stream=True).text == "ab"
    assert failure([sse(piece("a"), done=False)], stream=True).outcome == "connection"


def test_a_stream_with_an_end_mark_alone_is_whole():
    with Stub([sse(piece("a"))]) as stub:
        assert ask(stub, stream=True).text == "a"


def test_an_error_in_a_stream_keeps_the_usage_that_came():
    used = {"prompt_tokens": 5, "completion_tokens": 2}
    found = failure(
        [sse(piece("a", usage=used), {"error": {"code": 502, "message": "gone"}})], stream=True
    )
    assert (found.outcome, found.http_status) == ("overloaded", 502)
    assert found.reply.usage.prompt == 5


def test_a_broken_stream_keeps_the_usage_that_came_as_an_estimate():
    used = {"prompt_tokens": 5, "completion_tokens": 2}
    found = failure([sse(piece("a", usage=used), done=False)], stream=True)
    assert found.reply.usage.prompt == 5
    assert found.reply.usage.estimated


def test_garbage_in_a_stream_is_malformed():
    assert failure([sse(piece("a"), "{nonsense")], stream=True).outcome == "malformed_reply"


def test_a_reply_that_ignores_the_wish_for_a_stream():
    with Stub(
        [Answer(body={"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]})]
    ) as stub:
        assert ask(stub, stream=True).text == "whole"


def test_infinity_in_usage_is_nothing():
    body = b'{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": Infinity, "completion_tokens": NaN}}'
    with Stub([Answer(body=body)]) as stub:
        reply = ask(stub)
    assert reply.usage is None
    json.dumps(reply.raw_usage, allow_nan=False)


@pytest.mark.parametrize("kind", ["hang", "drip"])
@pytest.mark.parametrize("stream", [False, True])
def test_no_call_outlives_its_deadline(kind, stream):
    found = failure([fault(kind, drip_s=60)], timeout_s=0.3, stream=stream)
    assert found.outcome == "timeout"


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_is_used_again(stream):
    with Stub(lambda _: text("ok")) as stub:
        quirks = Quirks(stream=stream)
        spec = BackendSpec(name="s/m", model="m", base_url=stub.base_url, quirks=quirks)
        endpoint = EndpointClient(spec.base_url, "k")
        for _ in range(5):
            endpoint.send(spec, request_body(spec, PROMPT, 10), timeout_s=5)
        assert stub.connections == 1


def test_a_stream_that_does_not_end_after_its_reply_is_not_waited_for():
    ended = sse(piece("a", "stop"))
    with Stub([Answer(body=ended.body, headers=ended.headers, fault="linger")]) as stub:
        assert ask(stub, stream=True, timeout_s=3600).text == "a"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "0.5"}, 0.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert failure([error(429, **headers)]).retry_after_s == seconds


def test_retry_after_as_a_date():
    when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    assert 27 < failure([error(429, Retry_After=when)]).retry_after_s <= 30


class Slow:
    """A relay that takes its time over a whole body."""

    headers, streamed, closed = {}, False, False

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile

    def restart(self):
        pass

    def whole(self, body):
        self.meanwhile()

    def finish(self, reply):
        pass


def test_a_calls_deadline_leaves_the_next_call_on_its_connection_alone(monkeypatch):
    monkeypatch.setattr(module, "DRAIN_S", 0.1)
    with Stub([text("first"), text("second", delay_s=0.4)]) as stub:
        spec = BackendSpec(
            name="s/m", model="m", base_url=stub.base_url, quirks=Quirks(stream=True)
        )
        body, endpoint, found = (
            request_body(spec, PROMPT, 10),
            EndpointClient(stub.base_url, "k"),
            [],
        )

        def another():
            thread = threading.Thread(
                target=lambda: found.append(endpoint.send(spec, body, timeout_s=5.0).text)
            )
            thread.start()
            thread.join()

        endpoint.send(spec, body, timeout_s=5.0, relay=Slow(another))
        assert found == ["second"]
        assert stub.connections == 1


def test_a_running_usage_before_an_error_is_not_what_it_came_to():
    told = {"prompt_tokens": 1000, "completion_tokens": 2}
    script = [sse(piece("a", usage=told), {"error": {"message": "overloaded", "code": 503}})]
    reply = failure(script, stream=True).reply
    assert (reply.usage.prompt, reply.usage.estimated) == (1000, True)


def test_a_line_that_was_cut_is_no_event():
    whole = sse(piece("a"), done=False)
    body = whole.body + b'data: {"choices": [{"del'
    found = failure([Answer(body=body, headers=whole.headers)], stream=True)
    assert found.outcome == "connection"
    assert list(events([b"data: 1\nda", b"ta: {"])) == [(b"data: 1\n\n", b"1")]
    assert list(events([b"data: 1"])) == [(b"data: 1\n\n", b"1")]


def test_an_error_that_repeats_the_key_is_handed_on_without_it():
    key = 'sk-"quoted"'
    found = failure([error(400, {"error": {"message": f"Bearer {key}"}})], key=key)
    assert json.loads(found.body) == {"error": {"message": "Bearer [key]"}}
    assert failure([Answer(status=502, body=b"<html>")]).body == b""


def test_what_a_proxy_refuses_was_never_sent(monkeypatch):
    with Stub([]) as stub:
        monkeypatch.setenv("HTTPS_PROXY", stub.url)
        spec = BackendSpec(name="s/m", model="m", base_url="https://llm.example/v1")
        with pytest.raises(CallFailed) as raised:
            EndpointClient(spec.base_url, "k").send(spec, b"{}", timeout_s=5.0)
    assert (raised.value.outcome, raised.value.sent) == ("connection", False)


@pytest.mark.parametrize(
    ("name", "value"), [("SSL_CERT_FILE", "/nowhere.pem"), ("HTTPS_PROXY", "ftp://proxy.example")]
)
def test_an_environment_that_allows_no_connection_is_told(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="SSL_CERT_FILE"):
        EndpointClient("https://llm.example/v1", "k")


def test_the_environment_adds_nothing(monkeypatch):
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: leak-9182")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "leak-9182")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/leak-9182")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Stub(lambda _: text("ok")) as stub:
        ask(stub)
        ask(stub, key=None)
    assert "leak-9182" not in repr([(r.headers, r.path) for r in stub.requests])
    assert "authorization" not in stub.requests[1].headers


@pytest.mark.parametrize("key", ["schlüssel", "two words", "new\nline"])
def test_a_key_that_no_header_can_carry_is_told_without_showing_it(key):
    spec = BackendSpec(name="s/m", model="m", base_url="http://127.0.0.1:9", api_key_env="K")
    with pytest.raises(InputError) as raised:
        Backends([spec], fx=(), environ={"K": key})
    assert key not in raised.value.line()
    assert "K" in raised.value.line()


def test_missing_keys_are_named_once():
    specs = [
        BackendSpec(name=str(n), model="m", base_url="http://x", api_key_env=name)
        for n, name in enumerate(["A", "B", "A", None])
    ]
    assert missing_keys(specs, {"B": "x"}) == ["A"]
    with pytest.raises(InputError, match="A is not set"):
        Backends(specs, fx=(), environ={"B": "x", "A": " "})
