"""What an agent may not get past the gateway, and how little its oddities may cost the others."""

import json
import threading

import pytest

from arena.errors import ProviderError
from arena.gateway import bridge as bodies
from arena.gateway.bridge import ByteBudget, RequestBody
from arena.gateway.proxy_request import BadProxyRequestError
from arena.records import Limits
from tests.gateway.rig import PATHS, request, sessions
from tests.gateway.test_server import wait_until, words
from tests.gateway.test_translate import translated
from tests.servers.openai_stub import Answer, error, text

LONG = "z" * 1_000_000


def ok(_):
    return text("ok")


# ── what goes on ───────────────────────────────────────────────────────────────────────────────


def test_no_conversation_is_summed_up_at_the_provider():
    """Neither limits nor the counts at the top of its usage hold such a request."""
    clear = {"type": "clear_tool_uses_20250919"}
    compact = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}}
    with sessions(ok, "messages") as made, made.open() as (_, asking):
        for edits in ([compact, clear], [compact], compact):
            asking.post(context_management={"edits": edits})
        asking.post(context_management="compact")
        managed = [sent.body.get("context_management") for sent in made.stub.requests]
    assert managed == [{"edits": [clear]}, None, None, None]
    assert "not passed on to the endpoint: edit compact_20260112" in words(made.notes)


@pytest.mark.parametrize(
    ("api", "tools"),
    [
        ("messages", {"type": "web_search_20250305", "name": "web_search"}),
        ("chat", {"type": "web_search"}),
        ("chat", [{"google_search": {}}]),
        ("responses", [{"google_search": {}}]),
        ("chat", "web_search"),
    ],
)
def test_tools_in_odd_forms_are_dropped(api, tools):
    with sessions(ok, api) as made, made.open() as (_, asking):
        assert asking.post(tools=tools, tool_choice="auto").status_code == 200
        sent = made.stub.requests[0].body
    assert "tools" not in sent
    assert "tool_choice" not in sent
    assert "not passed on to the endpoint: tool" in words(made.notes)


def test_tools_of_the_messages_api_need_no_type_and_no_tools_may_be_none():
    with sessions(ok, "messages") as made, made.open() as (_, asking):
        asking.post()
        asking.post(tools=None)
        assert [("tools" in sent.body) for sent in made.stub.requests] == [True, False]
    assert words(made.notes) == ""


FAR = "https://example.org/a"


@pytest.mark.parametrize(
    ("api", "part"),
    [
        ("chat", {"type": "file", "file": {"filename": "a.pdf", "file_data": FAR}}),
        ("responses", {"type": "input_file", "filename": "a.pdf", "file_data": FAR}),
        ("chat", {"type": "image", "image": FAR}),
        ("chat", {"type": "image_url", "image_url": [FAR]}),
        ("chat", {"type": "video", "video": ["data:image/png;base64,AAAA", FAR]}),
        ("chat", {"type": "audio", "audio": "oss://bucket/a"}),
        ("chat", {"type": "input_audio", "input_audio": {"data": FAR, "format": "wav"}}),
    ],
)
def test_the_provider_fetches_nothing_from_where_content_may_stand(api, part):
    said = "input" if api == "responses" else "messages"
    with sessions(ok, api) as made, made.open() as (_, asking):
        refused = asking.post(**{said: [{"role": "user", "content": [part]}]})
        assert refused.status_code == 400
        assert "address" in refused.text
        assert made.stub.requests == []


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "file", "file": {"file_data": "JVBERi0xLjcK"}},
        {"type": "video", "video": ["data:image/png;base64,AAAA"]},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "text", "text": FAR},
    ],
)
def test_content_in_the_request_itself_goes_on(part):
    with sessions(ok) as made, made.open() as (_, asking):
        assert asking.post(messages=[{"role": "user", "content": [part]}]).status_code == 200


@pytest.mark.parametrize(
    "item", [{"type": "item_reference", "id": "rs_1"}, {"id": "rs_1"}, {"type": None, "id": "rs_1"}]
)
def test_what_the_provider_keeps_is_not_referred_to(item):
    said = [{"role": "user", "content": "Fix it."}, item]
    with sessions(ok, "responses") as made, made.open() as (_, asking):
        assert asking.post(input=said).status_code == 400
        assert asking.post(input=said[:1]).status_code == 200
        assert len(made.stub.requests) == 1


@pytest.mark.parametrize("wanted", [True, False, 0, -1, 1e9, "5"])
def test_an_odd_limit_of_output_is_none(wanted):
    with sessions(ok, limits=Limits(output_tokens=77)) as made, made.open() as (_, asking):
        asking.post(max_tokens=wanted)
        assert made.stub.requests[0].body["max_tokens"] == 77
        assert made.stub.requests[0].body["max_tokens"] is not True


@pytest.mark.parametrize("name", [[], {}, None, 5])
def test_a_call_with_an_odd_id_breaks_nothing(name):
    call = {"type": "tool_use", "id": name, "name": "bash", "input": {}}
    said = [
        {"role": "user", "content": "Fix it."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": "Go on."},
    ]
    with translated(ok, "messages") as (_, session, asking):
        assert asking.post(messages=said).status_code in {200, 400}
        assert asking.post().status_code == 200
        assert session.fault is None


# ── what is gone, and what was only asked badly ────────────────────────────────────────────────

GONE = [
    error(404, {"error": {"message": "Item with id 'rs_1' not found.", "code": None}}),
    error(403, {"error": {"message": "Request blocked"}}),
    error(410),
]


@pytest.mark.parametrize("refusal", GONE, ids=lambda answer: str(answer.status))
def test_what_is_refused_after_a_success_is_the_agents_to_mend(refusal):
    script = [text("one"), *[refusal] * 3, text("two")]
    with sessions(script) as made, made.open() as (session, asking):
        codes = [asking.post().status_code for _ in script]
        assert codes == [200, *[refusal.status] * 3, 200]
        assert session.fault is None
        assert not session.over.is_set()


@pytest.mark.parametrize("refusal", GONE, ids=lambda answer: str(answer.status))
def test_what_is_refused_from_the_first_stops_the_contestant(refusal):
    with sessions([refusal]) as made, made.open() as (session, asking):
        assert asking.post().status_code == refusal.status
        assert isinstance(session.fault, ProviderError)
        assert session.fault.stops_contestant


@pytest.mark.parametrize("refusal", GONE, ids=lambda answer: str(answer.status))
def test_what_is_refused_again_and_again_is_a_fault_of_this_trial(refusal):
    with sessions([text("one"), *[refusal] * 5]) as made, made.open() as (session, asking):
        for _ in range(6):
            asking.post()
        assert isinstance(session.fault, ProviderError)
        assert not session.fault.stops_contestant


@pytest.mark.parametrize("refusal", [error(401), error(402)], ids=["key", "credit"])
def test_a_key_or_credit_that_ends_in_the_middle_stops_the_contestant(refusal):
    with sessions([text("one"), refusal]) as made, made.open() as (session, asking):
        asking.post()
        asking.post()
        assert session.fault.stops_contestant


def test_an_agent_hears_of_a_failed_response_as_the_endpoint_tells_it():
    told = {"status": "failed", "error": {"code": "server_error", "message": "No."}, "output": []}
    created = {"type": "response.created", "response": {"status": "in_progress"}}
    delta = {"type": "response.output_text.delta", "delta": "Hm."}  # too late to ask again
    events = [created, delta, {"type": "response.failed", "response": told}]
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()
    failed = Answer(body=stream, headers={"Content-Type": "text/event-stream"})
    with sessions([failed, text("ok")], "responses") as made, made.open() as (session, asking):
        heard = asking.post(stream=True).text
        assert [line for line in heard.split("\n") if line.startswith("event")] == [
            "event: response.created",
            "event: response.output_text.delta",
            "event: response.failed",
        ]
        assert asking.post().status_code == 200
        assert session.fault is None
    assert made.book.outcomes == ["overloaded", "ok"]


# ── how much ───────────────────────────────────────────────────────────────────────────────────


def test_names_are_cut_where_they_are_repeated_and_written_down():
    with sessions(ok) as made, made.open() as (_, asking):
        refused = asking.post(model=LONG)
        assert refused.status_code == 404
        assert len(refused.text) < 1000
        names = {f"{LONG}{n}": 1 for n in range(2)} | {str(n): 1 for n in range(100)}
        assert asking.post(**names, tools=[{"type": LONG}]).status_code == 200
        assert asking.client.get("/" + "a" * 10_000).status_code == 404
    notes = words(made.notes)
    assert "zzz" in notes
    assert len(notes) < 10_000
    assert "53 more" in notes


def test_names_are_cut_in_a_translation_too():
    with translated(ok, "messages") as (made, _, asking):
        said = [{"role": "user", "content": [{"type": LONG, "text": "x"}]}]
        assert len(asking.post(messages=said).text) < 1000
        tool = {"name": LONG, "input_schema": 1}
        assert len(asking.post(tools=[tool]).text) < 1000
    assert len(words(made.notes)) < 5000


def test_paths_where_nothing_is_served_are_written_down():
    with sessions(ok) as made, made.open() as (session, asking):
        for _ in range(2):
            assert asking.client.post("/v1/embeddings", json={}).status_code == 404
        for n in range(60):
            assert asking.client.get(f"/x/{n}").status_code == 404
        other = {"authorization": "Bearer x"}
        assert asking.client.get("/secret", headers=other).status_code == 404
        assert asking.post().status_code == 200
        assert not session.over.is_set()
    found = [entry["text"] for kind, entry in made.notes if kind == "note"]
    assert found[0] == "refused at the gateway: nothing is served at POST /v1/embeddings"
    assert len(found) == 20
    assert not any("secret" in note for note in found)


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b",".join([b"{}"] * 500_001) + b"]",
        b"[" + b",".join([b'""'] * 2_000_002) + b"]",
        b'"' + b"x" * 32_000_000 + b'"',
    ],
    ids=["objects", "values", "bytes"],
)
def test_a_request_that_would_hold_up_the_others_is_refused_unread(content, monkeypatch):
    def never(*_):
        raise AssertionError("it was read")

    monkeypatch.setattr("arena.gateway.proxy_request.from_json", never)
    with sessions(ok) as made, made.open() as (session, asking):
        data = b'{"model":"m","messages":' + content + b"}"
        assert asking.client.post(PATHS["chat"], content=data).status_code == 413
        assert session.fault is None
        assert "refused at the gateway" in words(made.notes)


def test_requests_are_read_outside_the_event_loop(monkeypatch):
    """Where they would hold up the streams of all trials."""
    from arena.gateway import proxy_request

    read, threads = proxy_request.from_json, []

    def noting(data):
        threads.append(threading.current_thread().name)
        return read(data)

    monkeypatch.setattr(proxy_request, "from_json", noting)
    with sessions(ok) as made, made.open() as (_, asking):
        assert asking.post().status_code == 200
    (name,) = threads
    assert name.startswith("gateway_")


def test_what_a_trial_asks_at_once_has_a_bound_of_its_own(monkeypatch):
    monkeypatch.setattr(bodies, "HELD_LIMIT_BYTES", 10_000)
    asked, answer = threading.Event(), threading.Event()

    def slowly(made):
        if "slow" in json.dumps(made.messages):
            asked.set()
            assert answer.wait(30)
        return text("ok")

    def big(what):
        return {"messages": [{"role": "user", "content": what + "x" * 6000}]}

    with sessions(slowly) as made, made.open("t1") as (_, asking), made.open("t2") as (_, other):
        first = threading.Thread(target=asking.post, kwargs=big("slow"))
        first.start()
        assert asked.wait(30)
        refused = asking.post(**big("too much"))
        assert (refused.status_code, asking.post().status_code) == (429, 200)
        assert other.post(**big("another trial's")).status_code == 200
        answer.set()
        first.join()
        wait_until(lambda: asking.post(**big("later")).status_code == 200)
        for _ in range(20):
            assert asking.post(model="x").status_code == 404
            assert (
                asking.client.post(PATHS["messages"], json=request("messages")).status_code == 404
            )
        assert asking.post(**big("last")).status_code == 200


def test_a_body_gives_back_what_it_took_once():
    budget = ByteBudget()
    body = RequestBody(budget)
    body.add(b"[" * 1000)
    assert body.whole() == b"[" * 1000
    body.release()
    body.release()
    assert budget.take(bodies.HELD_LIMIT_BYTES)
    with pytest.raises(BadProxyRequestError):
        RequestBody(budget).add(b"x")
