import json
import socket
import threading
import time
from dataclasses import replace
from http.client import HTTPResponse

import httpx2
import pytest

from arena.errors import HarnessError, ProviderError
from arena.money.statement import possibly_billed
from arena.records import Budget, Limits
from tests.backend.rig import Rig
from tests.gateway.rig import PATHS, request, sessions
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import Answer, call, calls, error, fault, text

APIS = ("chat", "messages", "responses")


def drip(drip_s, said="a few words"):
    """A reply whose bytes come one at a time."""
    return text(said, fault="drip", drip_s=drip_s)


def wait_until(done):
    """Until something has come about, which is soon."""
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


def turns(notes):
    return [entry["message"] for kind, entry in notes if kind == "message"]


def words(notes):
    return " | ".join(entry["text"] for kind, entry in notes if kind == "note")


def direct(stub, api, **how):
    """The same request without a gateway."""
    headers = {"anthropic-version": "2023-06-01"}
    return httpx2.post(f"{stub.url}{PATHS[api]}", json=request(api, **how), headers=headers)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_passes_whole_and_is_metered(api, stream):
    script = lambda _: calls(("bash", {"command": "ls"}), content="Let me look.")  # noqa: E731
    with sessions(script, api) as made, made.open() as (session, asking):
        got = asking.post(stream=stream)
        assert got.status_code == 200
        prompt, output = made.stub.told
        expected = direct(made.stub, api, stream=stream)
        kind = "text/event-stream" if stream else "application/json"
        assert got.headers["content-type"].startswith(kind)
        assert shape(got.text) == shape(expected.text)
    end = made.book.ends[0]
    assert (end.usage.prompt, end.usage.output) == (prompt, output)
    assert end.finish_reason == "tool_calls"
    assert session.backend.tally.steps == 1
    assert made.book.begun[0].endpoint == made.stub.base_url


def shape(body):
    """Without what differs from one request to the next, such as the usage of a longer one."""
    volatile = {"id", "item_id", "call_id", "created", "usage"}

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in volatile}
        return [plain(v) for v in value] if isinstance(value, list) else value

    if "data: " not in body:
        return plain(json.loads(body))
    return [
        plain(json.loads(line[6:])) if line.startswith("data: {") else line
        for line in body.replace(": ping\n\n", "").split("\n")
    ]


def test_the_endpoint_gets_the_contestants_limit_model_and_key_and_not_the_agents():
    with (
        sessions([text("done")], limits=Limits(output_tokens=77)) as made,
        made.open() as (session, asking),
    ):
        asking.post(max_tokens=10_000, service_tier="priority", plugins=[{"id": "web"}])
        sent = made.stub.requests[0]
        assert sent.body["max_tokens"] == 77
        assert "service_tier" not in sent.body
        assert "plugins" not in sent.body
        assert session.token not in str(sent.headers)
    assert "not passed on to the endpoint: plugins" in words(made.notes)


@pytest.mark.parametrize(
    ("api", "tool"),
    [
        ("messages", {"type": "web_search_20250305", "name": "web_search"}),
        ("responses", {"type": "web_search"}),
        ("chat", {"type": "builtin_function", "function": {"name": "$web_search"}}),
    ],
)
def test_tools_that_run_at_the_provider_are_dropped(api, tool):
    with sessions([text("done")], api) as made, made.open() as (_, asking):
        own = request(api)["tools"]
        assert asking.post(tools=[tool, *own]).status_code == 200
        assert made.stub.requests[0].body["tools"] == own


def test_tools_that_an_agent_offers_in_its_conversation_are_looked_at_too():
    inner = [{"type": "web_search"}, {"type": "function", "name": "ls", "parameters": {}}]
    nested = [{"type": "namespace", "name": "n", "tools": inner}]
    offered = [
        {"type": "additional_tools", "role": "developer", "tools": inner},
        {"type": "additional_tools", "role": "developer", "tools": nested},
        {"role": "user", "content": "Fix it."},
    ]
    with sessions([text("done")], "responses") as made, made.open() as (_, asking):
        assert asking.post(input=offered).status_code == 200
        sent = made.stub.requests[0].body["input"]
    assert [item.get("tools") for item in sent] == [inner[1:], [], None]


@pytest.mark.parametrize(
    ("api", "content"),
    [
        ("chat", [{"type": "image_url", "image_url": {"url": "http://example.org/fix.png"}}]),
        ("messages", [{"type": "document", "source": {"type": "url", "url": "https://a.b/c"}}]),
        ("responses", [{"type": "input_file", "file_id": "file-1"}]),
    ],
)
def test_the_provider_fetches_nothing_for_an_agent(api, content):
    with sessions([text("done")], api) as made, made.open() as (_, asking):
        key = "input" if api == "responses" else "messages"
        refused = asking.post(**{key: [{"role": "user", "content": content}]})
        assert refused.status_code == 400
        assert "address" in refused.text
        assert made.stub.requests == []


def test_an_address_that_the_model_wrote_is_words():
    asked = [
        {"role": "user", "content": "Fix it."},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "1", "name": "get", "input": {"url": "http://a"}}
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "no"}]},
    ]
    with sessions([text("done")], "messages") as made, made.open() as (_, asking):
        assert asking.post(messages=asked).status_code == 200


def test_another_model_is_refused_and_recorded():
    with sessions([text("done")]) as made, made.open() as (session, asking):
        refused = asking.post(model="gpt-secret")
        assert refused.status_code == 404
        assert made.stub.requests == []
        assert "gpt-secret" in words(made.notes)
        assert not session.over.is_set()


def test_an_api_that_the_backend_does_not_speak_is_refused():
    with sessions([text("done")], "chat") as made, made.open() as (_, asking):
        got = asking.client.post(PATHS["messages"], json=request("messages"))
        assert got.status_code == 404
        assert got.json()["type"] == "error"


@pytest.mark.parametrize("api", APIS)
def test_a_token_opens_one_door_while_its_trial_runs(api):
    with sessions([text("done")] * 3, api) as made:
        with made.open("t1") as (first, asking):
            address = asking.client.base_url
            headers = {"authorization": f"Bearer {first.token}"}
            wrong = asking.client.post(
                PATHS[api], json=request(api), headers={"authorization": "Bearer x"}
            )
            assert wrong.status_code == 401
            with made.open("t2") as (second, _), made.gateway.connected(second) as sock:
                assert raw_post(sock, api, first.token) == 401
                elsewhere = "x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.1\r\n"
                assert raw_post(sock, api, first.token, elsewhere) == 401
            with made.gateway.connected(first) as sock:
                assert raw_post(sock, api, first.token) == 200
        late = httpx2.post(f"{address}{PATHS[api]}", json=request(api), headers=headers)
        assert late.status_code == 401
        assert len(made.stub.requests) == 1


def raw_post(sock: socket.socket, api, token, more=""):
    """The status of an answer, which is read to its end: the connection is used again."""
    body = json.dumps(request(api)).encode()
    head = f"POST {PATHS[api]} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}"
    sock.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    answer = HTTPResponse(sock)
    answer.begin()
    answer.read()
    return answer.status


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("limits", "stop"),
    [(Limits(steps=1), "steps"), (Limits(tokens=290, output_tokens=100), "tokens")],
)
def test_a_reached_limit_is_told_in_the_apis_own_words_and_ends_the_trial(api, limits, stop):
    with (
        sessions(lambda _: text("word " * 120), api, limits=limits) as made,
        made.open() as (session, asking),
    ):
        assert asking.post().status_code == 200
        over = asking.post()
        assert over.status_code == 403
        told = over.json()["error"]
        assert f"limit of {stop}" in told["message"]
        assert told["type"] == (
            "permission_error" if api == "messages" else "invalid_request_error"
        )
        assert session.over.is_set()
        assert session.stop == stop
        assert len(made.stub.requests) == 1


@pytest.mark.parametrize("api", APIS)
def test_an_attempt_that_failed_before_its_first_byte_is_made_again(api):
    script = [error(503), error(429), call("bash", command="ls")]
    with sessions(script, api) as made, made.open() as (_, asking):
        got = asking.post(stream=True)
    assert got.status_code == 200
    assert made.book.outcomes == ["overloaded", "rate_limited", "ok"]


def test_a_refused_key_is_a_fault_of_the_provider():
    with sessions([error(401)]) as made, made.open() as (session, asking):
        assert asking.post().status_code == 401
        assert isinstance(session.fault, ProviderError)
        assert session.fault.stops_contestant


def test_too_long_a_conversation_is_the_agents_to_mend():
    too_long = {
        "error": {"message": "maximum context length is 10", "code": "context_length_exceeded"}
    }
    with (
        sessions([error(400, too_long), text("shorter")]) as made,
        made.open() as (session, asking),
    ):
        refused = asking.post()
        assert refused.status_code == 400
        assert refused.json() == too_long
        assert not session.over.is_set()
        assert asking.post().status_code == 200


def test_a_stream_arrives_as_it_is_written():
    seen = threading.Event()  # the rest is written when the beginning has arrived
    halves = text("word " * 16, halfway=seen)
    with sessions([halves]) as made, made.open() as (_, asking), asking.stream() as got:
        whole = b""
        for part in got.iter_bytes():
            seen.set()
            whole += part
    assert b"[DONE]" in whole


def test_a_slow_stream_holds_nobody_up():
    def script(asked):
        slow = "slow" in json.dumps(asked.messages)
        return drip(0.002) if slow else text("quick")

    with sessions(script) as made, made.open() as (_, asking):
        reading = threading.Event()

        def read_slowly():
            with asking.stream(messages=[{"role": "user", "content": "slow"}]) as got:
                for _ in got.iter_bytes():
                    reading.set()

        thread = threading.Thread(target=read_slowly)
        thread.start()
        assert reading.wait(10)
        for _ in range(5):
            assert asking.post().status_code == 200
        assert thread.is_alive()
        thread.join()


def test_what_an_agent_does_not_wait_for_is_counted_all_the_same():
    with sessions([drip(0.0005)]) as made, made.open() as (session, asking), asking.stream() as got:
        next(got.iter_bytes())
    end = made.book.ends[0]
    assert end.outcome == "ok"
    assert (end.usage.prompt, end.usage.output) == made.stub.told
    assert session.backend.tally.steps == 1


def test_a_broken_stream_reaches_the_agent_broken():
    with sessions([fault("cut"), text("again")]) as made, made.open() as (session, asking):
        with pytest.raises(httpx2.TransportError), asking.stream() as got:
            got.read()
        assert asking.post().status_code == 200
    assert made.book.outcomes == ["connection", "ok"]
    assert not session.over.is_set()


def test_caches_live_as_long_as_the_price_book_has_a_price_for():
    """What is kept for an hour costs more to write, and no usage of ours tells it apart."""
    mark = {"type": "ephemeral", "ttl": "1h"}
    said = [{"role": "user", "content": [{"type": "text", "text": "Fix.", "cache_control": mark}]}]
    tool = {"name": "bash", "input_schema": {"type": "object"}, "cache_control": mark}
    with sessions([text("ok")], api="messages") as made, made.open() as (_, asking):
        asking.post(messages=said, tools=[tool], cache_control=mark)
        (sent,) = made.stub.requests
    block = sent.body["messages"][0]["content"][0]
    marks = [block["cache_control"], sent.body["tools"][0]["cache_control"]]
    assert [*marks, sent.body["cache_control"]] == [{"type": "ephemeral"}] * 3


@pytest.mark.parametrize("api", APIS)
def test_the_usage_of_a_stream_that_broke_off_is_unknown(api):
    """The Messages API counts at the start of a stream too: the prompt, and one token of output."""
    with (
        sessions([fault("cut")], api=api) as made,
        made.open() as (_, asking),
        pytest.raises(httpx2.TransportError),
        asking.stream() as got,
    ):
        got.read()
    (end,) = made.book.ends
    assert end.outcome == "connection"
    assert possibly_billed(end)
    assert end.usage is None


def test_a_chat_stream_ends_with_usage_only_where_it_was_asked_for():
    with sessions([text("one"), text("two")]) as made, made.open() as (_, asking):
        assert '"usage"' not in asking.post(stream=True).text
        options = {"include_usage": True}
        assert '"usage"' in asking.post(stream=True, stream_options=options).text
    assert all(end.usage is not None and not end.usage.estimated for end in made.book.ends)


def test_the_transcript_says_everything_once():
    with sessions([call("bash", command="ls"), text("done")]) as made, made.open() as (_, asking):
        first = asking.post().json()["choices"][0]["message"]
        history = [
            {"role": "user", "content": "Fix it."},
            first,
            {"role": "tool", "tool_call_id": "call_0", "content": "a.py"},
        ]
        asking.post(messages=history)
    assert [t["role"] for t in turns(made.notes)] == ["user", "assistant", "tool", "assistant"]


def test_what_is_said_again_in_the_same_words_is_written_again():
    more = {"role": "user", "content": "Go on."}
    with sessions(lambda _: text("Hm.")) as made, made.open() as (_, asking):
        history = [{"role": "user", "content": "Fix it."}]
        for _ in range(3):
            history += [asking.post(messages=history).json()["choices"][0]["message"], more]
    said = [turn["content"] for turn in turns(made.notes)]
    assert said == ["Fix it.", "Hm.", "Go on.", "Hm.", "Go on.", "Hm."]


def test_models_are_listed_for_whoever_has_a_token():
    with sessions([]) as made, made.open() as (_, asking):
        assert [m["id"] for m in asking.client.get("/v1/models").json()["data"]] == ["m"]
        assert httpx2.get(f"{asking.client.base_url}/v1/models").status_code == 401
        assert asking.client.post("/v1/embeddings").status_code == 404


@pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b'{"messages": []}', b'{"messages": [1]}'])
def test_nonsense_is_refused_in_words(data):
    with sessions([]) as made, made.open() as (_, asking):
        got = asking.client.post(PATHS["chat"], content=data)
        assert got.status_code == 400
        assert got.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_does_not_wait_for_its_account_but_the_next_call_does(stream):
    with sessions(lambda _: text("ok")) as made, made.open() as (session, asking):
        order, book, may_settle = [], made.book, threading.Event()
        begin, end = book.begin, book.end

        def late(told):
            may_settle.wait(30)
            order.append("settled")
            end(told)

        book.begin, book.end = lambda told: order.append("announced") or begin(told), late
        assert asking.post(stream=stream).status_code == 200
        assert order == ["announced"]
        threading.Timer(0.3, may_settle.set).start()
        assert asking.post(stream=stream).status_code == 200
        assert order[:3] == ["announced", "settled", "announced"]
        assert session.metered.steps == 2
        assert order == ["announced", "settled"] * 2
        said = [kind for kind, _ in made.notes]
    assert said == ["message", "call", "message", "call", "message"]


def test_a_call_that_cannot_be_settled_ends_the_trial_though_it_was_answered():
    with sessions(lambda _: text("ok")) as made, made.open() as (session, asking):

        def broken(told):
            raise HarnessError("the disk is full")

        made.book.end = broken
        assert asking.post().status_code == 200
        assert asking.post().status_code == 403
        assert "the disk is full" in str(session.fault)


def test_a_header_that_cannot_be_sent_along_is_refused():
    with sessions(lambda _: text("ok")) as made, made.open() as (session, asking):
        headers = {"anthropic-beta": "café".encode("latin-1")}
        got = asking.client.post(PATHS["chat"], json=request("chat"), headers=headers)
        assert got.status_code == 400
        assert "must be ASCII" in got.json()["error"]["message"]
        assert asking.post().status_code == 200
        assert session.fault is None


def test_what_is_dropped_may_have_any_name():
    with sessions(lambda _: text("ok")) as made, made.open() as (_, asking):
        body = json.dumps({**request("chat"), "\ud800": 1})
        got = asking.client.post(PATHS["chat"], content=body)
        assert got.status_code == 200
    assert "not passed on to the endpoint: \ud800" in words(made.notes)


def test_an_agent_that_did_not_wait_for_a_busy_endpoint_may_ask_again():
    script = [error(429), text("ok")]
    script[0] = replace(script[0], delay_s=0.4)
    with sessions(script) as made, made.open() as (session, asking):
        with pytest.raises(httpx2.ReadTimeout):
            asking.client.post(PATHS["chat"], json=request("chat"), timeout=0.1)
        session.settled()
        wait_until(lambda: made.book.ends)
        assert asking.post().status_code == 200
        assert session.fault is None


def test_a_stream_that_failed_at_its_end_does_not_end_for_the_agent():
    script = [Answer(message={"role": "assistant", "content": "no"}, finish_reason="error")]
    with sessions(script) as made, made.open() as (_, asking), asking.stream() as got:
        said = []
        with pytest.raises(httpx2.RemoteProtocolError):
            said.extend(got.iter_bytes())
    assert b"[DONE]" not in b"".join(said)
    assert made.book.outcomes == ["overloaded"]


def test_budgets_hold_over_parallel_calls():
    limits = Limits(steps=3)
    with (
        sessions(lambda _: text("ok", delay_s=0.1), limits=limits) as made,
        made.open() as (_, asking),
    ):
        codes = []

        def post():
            codes.append(asking.post().status_code)

        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(codes) == [200] * 3 + [403] * 5
    assert len(made.stub.requests) == 3


@pytest.mark.parametrize("bearer", [False, True])
def test_the_messages_api_gets_its_key_where_it_wants_it(bearer):
    quirks = {"messages_bearer": bearer}
    with ManyStub([text("done")]) as stub:
        rig = Rig(
            stub,
            api="messages",
            api_key_env="K",
            environ={"K": "sk-1"},
            quirks=quirks,
            budget=Budget(),
        )
        with rig.pool:
            rig.trial().complete([{"role": "user", "content": "Hi"}], ())
        sent = stub.requests[0].headers
    assert sent.get("authorization") == ("Bearer sk-1" if bearer else None)
    assert sent.get("x-api-key") == (None if bearer else "sk-1")
