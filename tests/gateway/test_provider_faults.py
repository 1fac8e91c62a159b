"""What an endpoint breaks is made again before the agent hears of it, or is the endpoint's fault."""

import json

import httpx2
import pytest

from arena.errors import ProviderError, UncertainError
from arena.gateway import proxy_session
from arena.gateway.bridge import opens_only
from tests.gateway.rig import PATHS, request, sessions
from tests.gateway.test_server import wait_until
from tests.gateway.test_translate import translated
from tests.servers.openai_stub import Answer, call, error, fault, text

APIS = ("chat", "messages", "responses")
SAYS = {"chat": '"content"', "messages": "content_block_delta", "responses": "output_text.delta"}
OTHER = [{"role": "user", "content": "Find a title."}]


def broken(asking, **how):
    with pytest.raises(httpx2.TransportError), asking.stream(**how) as got:
        got.read()


@pytest.mark.parametrize("events", [0, 1])
@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_breaks_off_before_it_says_anything_is_made_again(api, events):
    script = [fault("cut", events=events), fault("cut", events=events), text("whole")]
    with sessions(script, api) as made, made.open() as (session, asking):
        heard = asking.post(stream=True)
        assert heard.status_code == 200
        assert heard.text.count("whole") >= 1
        assert heard.text.count("message_start\n") <= 1
        assert heard.text.count("response.created\n") <= 1
        session.check_end(clean=False)
    assert made.book.outcomes == ["connection", "connection", "ok"]
    assert made.book.ends[-1].usage.output


@pytest.mark.parametrize("api", ["messages", "responses"])
def test_a_translated_stream_is_made_again_too(api):
    with translated([fault("cut", events=1), call("bash", command="ls")], api) as (made, _, asking):
        heard = asking.post(stream=True).text
    assert heard.count("event: message_start\n") + heard.count("event: response.created\n") == 1
    assert made.book.outcomes == ["connection", "ok"]


def told(api):
    """A stream whose first events announce a reply, and then tell an error."""
    words = {"code": "server_error", "type": "server_error", "message": "No."}
    if api == "chat":
        delta = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
        events = [delta, {"error": words}]
    elif api == "messages":
        message = {"type": "message", "role": "assistant", "content": [], "usage": {}}
        start = {"type": "message_start", "message": message}
        events = [start, {"type": "ping"}, {"type": "error", "error": words}]
    else:
        response = {"status": "failed", "error": words, "output": []}
        events = [{"type": "response.created", "response": {"status": "in_progress"}}]
        events.append({"type": "response.failed", "response": response})
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    return Answer(body=stream, headers={"Content-Type": "text/event-stream"})


@pytest.mark.parametrize("api", APIS)
def test_an_error_behind_the_opening_of_a_stream_is_tried_again(api):
    with sessions([told(api), text("whole")], api) as made, made.open() as (_, asking):
        heard = asking.post(stream=True).text
        assert "whole" in heard
        assert "server_error" not in heard
        assert (": ping\n\n" in heard) == (api == "messages"), "it keeps the connection alive"
        begun = heard.find("message_start") < heard.find('"ping"')
        assert begun == (api == "messages"), "some clients take no other event for the first"
    assert made.book.outcomes == ["overloaded", "ok"]


def test_a_comment_keeps_the_connection_alive_and_decides_nothing():
    waits = Answer(body=b": wait\n\n", headers={"Content-Type": "text/event-stream"})
    with sessions([waits, text("whole")]) as made, made.open() as (_, asking):
        heard = asking.post(stream=True).text
        assert heard.startswith(": wait")
        assert "whole" in heard
    assert made.book.outcomes == ["connection", "ok"]


@pytest.mark.parametrize(
    ("api", "chunk", "opens"),
    [
        ("chat", {"choices": [{"delta": {"role": "assistant", "content": ""}}]}, True),
        ("chat", {"choices": [{"delta": {"reasoning": "hm"}}]}, False),
        ("chat", {"choices": [{"delta": {}, "finish_reason": "stop"}]}, False),
        ("chat", {"choices": [], "usage": {"prompt_tokens": 1}}, False),
        ("messages", {"type": "content_block_start"}, True),
        ("messages", {"type": "content_block_delta"}, False),
        ("responses", {"type": "response.output_item.added"}, True),
        ("responses", {"type": "response.output_item.done"}, False),
        ("responses", "odd", False),
    ],
)
def test_what_opens_a_stream_and_what_says_something(api, chunk, opens):
    assert opens_only(api, chunk) is opens


# ── who ended the trial ────────────────────────────────────────────────────────────────────────


def test_an_end_on_a_call_that_broke_is_the_providers():
    with sessions([text("one"), fault("cut")]) as made, made.open() as (session, asking):
        asking.post()
        session.check_end(clean=False)
        broken(asking)
        for clean in (True, False):
            with pytest.raises(ProviderError, match="connection"):
                session.check_end(clean=clean)
    assert made.book.outcomes == ["ok", "connection"]


def test_a_call_made_again_with_success_is_forgotten():
    with sessions([fault("cut"), text("ok")]) as made, made.open() as (session, asking):
        broken(asking)
        assert asking.post().status_code == 200
        session.check_end(clean=False)


def test_a_bad_end_after_another_conversation_broke_is_uncertain():
    with sessions([fault("cut"), text("A title")]) as made, made.open() as (session, asking):
        broken(asking)
        assert asking.post(messages=OTHER).status_code == 200
        session.check_end(clean=True)
        with pytest.raises(UncertainError, match="connection"):
            session.check_end(clean=False)


def test_a_request_that_was_wrong_is_the_agents_own():
    bad = error(400, {"error": {"message": "Unknown parameter."}})
    with sessions([text("one"), bad]) as made, made.open() as (session, asking):
        asking.post()
        assert asking.post().status_code == 400
        session.check_end(clean=False)


@pytest.mark.parametrize("late", [False, True])
def test_an_agent_that_left_a_slow_call_may_have_lost_its_patience(monkeypatch, late):
    monkeypatch.setattr(proxy_session, "SLOW_S", 0.2)
    with (
        sessions([text("slow", delay_s=1.5)]) as made,
        made.open() as (session, asking),
    ):
        with pytest.raises(httpx2.ReadTimeout):
            asking.client.post(PATHS["chat"], json=request("chat"), timeout=0.7)
        if late:
            wait_until(lambda: made.book.ends)
        session.check_end(clean=True)
        with pytest.raises(UncertainError, match="left a call"):
            session.check_end(clean=False)


def test_an_agent_that_ends_in_the_middle_of_a_quick_call_ended_by_itself():
    with sessions([text("quick", delay_s=0.6)]) as made, made.open() as (session, asking):
        with pytest.raises(httpx2.ReadTimeout):
            asking.client.post(PATHS["chat"], json=request("chat"), timeout=0.1)
        session.check_end(clean=False)


def test_a_trial_ends_before_its_agent_gives_up_on_broken_streams():
    """Codex asks again three times."""
    with sessions([text("one"), *[fault("cut")] * 4]) as made, made.open() as (session, asking):
        asking.post()
        for _ in range(4):
            broken(asking)
        wait_until(session.over.is_set)
        assert isinstance(session.fault, ProviderError)
        assert not session.fault.stops_contestant
