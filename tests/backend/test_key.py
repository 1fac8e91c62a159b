"""The key is shown to nobody, wherever an endpoint repeats it, and whoever it does so to is told."""

import json
import re
import socket
import threading
from itertools import accumulate, cycle, islice, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.backend.call import DONE
from arena.backend.client import EndpointClient
from arena.backend.replies import MARK, CallFailed, KeyPattern, Redaction
from arena.errors import ProviderError
from arena.records import BackendSpec, Quirks
from tests.backend.rig import ASK, BASH, rig
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import Answer, call, calls, error, text

KEY = 'sk-Ab3/"x\\y_9-Zz0'
ENVIRON = {"K": KEY}


class Outside:
    """A relay that keeps what an agent outside would be given."""

    headers, closed = {}, False

    def __init__(self, *, streamed):
        self.streamed, self.raw, self.body = streamed, [], b""

    def event(self, raw, chunk):
        self.raw.append(raw)

    def whole(self, body):
        self.body = body

    def finish(self, reply):
        pass


def ask(answer, *, api="chat", stream=False, key=KEY):
    with ManyStub([answer]) as stub:
        spec = BackendSpec(
            name="s/m", model="m", base_url=stub.base_url, api=api, quirks=Quirks(stream=stream)
        )
        relay = Outside(streamed=stream)
        asked = {"model": "m", "stream": stream, "messages": [], "input": "x", "max_tokens": 9}
        asked["stream_options"] = {"include_usage": True}
        body = json.dumps(asked).encode()
        reply = EndpointClient(spec.base_url, key).send(spec, body, timeout_s=20, relay=relay)
    return reply, relay


def shown(reply, relay):
    """All that anybody gets to see, with the escapes of JSON undone as often as it takes."""
    return [reply.model_dump_json(), relay.body.decode(), *(raw.decode() for raw in relay.raw)]


def hidden(reply, relay, key=KEY):
    plain = key.replace("\\", "")
    for told in shown(reply, relay):
        assert plain not in told.replace("\\", "")
        assert "u0073" not in told.lower()
    assert reply.redacted


EVERYWHERE = {
    "content": text(f"Bearer {KEY}!"),
    "reasoning": Answer(message={"content": "x", "reasoning_content": f"a {KEY}"}),
    "arguments": call("bash", command=f"echo {KEY}"),
    "name": calls((KEY, {})),
    "model": text("x", model=KEY),
    "provider": text("x", extra={"provider": f"by {KEY}"}),
    "a name of its own": text("x", extra={KEY: 1}),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("where", EVERYWHERE)
def test_a_reply_holds_no_key(where, stream):
    reply, relay = ask(EVERYWHERE[where], stream=stream)
    hidden(reply, relay)
    assert reply.usage.output > 0
    assert not reply.usage.estimated


@pytest.mark.parametrize("api", ["messages", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_nor_over_another_api(api, stream):
    reply, relay = ask(text(f"key {KEY} end"), api=api, stream=stream)
    hidden(reply, relay)
    assert MARK in reply.text


def escaped(said):
    return "".join(f"\\u{ord(c):04X}" for c in said)


@pytest.mark.parametrize(
    "body",
    [
        '{"choices":[{"message":{"content":"' + escaped(KEY) + '"},"finish_reason":"stop"}]}',
        '{"choices":[{"message":{"content":"","tool_calls":[{"function":{"name":"b","arguments":'
        + json.dumps('{"command":"' + escaped(KEY) + '"}')
        + "}}]}}]}",
    ],
    ids=["once", "twice"],
)
@pytest.mark.parametrize("form", ["utf-8", "utf-16"])
def test_no_escape_hides_it(body, form):
    reply, relay = ask(Answer(body=body.encode(form)))
    hidden(reply, relay)
    assert MARK in reply.text + "".join(c.arguments for c in reply.tool_calls)


def stream_of(pieces, *, name="content", more=()):
    chunks = [{"choices": [{"index": 0, "delta": {name: piece}}]} for piece in pieces]
    chunks += [*more, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    used = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    lines = [f"data: {json.dumps(c)}\n\n" for c in [*chunks, used]]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cuts=st.lists(st.integers(0, len(KEY) + 12), max_size=12),
    around=st.tuples(st.text("sk-Ab x", max_size=6), st.text("sk- x", max_size=6)),
)
def test_no_border_between_events_hides_it(cuts, around):
    whole = around[0] + KEY + around[1]
    edges = [0, *sorted(min(c, len(whole)) for c in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(edges)]
    chunks = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    redaction = Redaction(KeyPattern(KEY))
    raws = [redaction.raw(f"data: {json.dumps(c)}\n\n".encode()) for c in chunks]
    found = list(redaction.across((raw, json.loads(raw[6:])) for raw in raws))
    said = "".join(c["choices"][0]["delta"]["content"] for _, c in found)
    assert said == whole.replace(KEY, MARK)
    assert [json.loads(raw[6:]) for raw, _ in found] == [c for _, c in found]


def as_json(said):
    return json.dumps(said)[1:-1]


WRITTEN = {
    "as JSON writes it": as_json,
    "JSON inside JSON": lambda said: as_json(as_json(said)),
    "by numbers": escaped,
    "by numbers, inside JSON": lambda said: as_json(escaped(said)),
    "here and there": lambda said: "".join(
        escaped(c) if n % 3 else as_json(c) for n, c in enumerate(said)
    ),
}


@settings(deadline=None, max_examples=100)
@given(
    how=st.sampled_from(list(WRITTEN)),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    around=st.tuples(st.text('sk-"\\u x', max_size=6), st.text("sk- x", max_size=6)),
)
def test_nor_in_the_arguments_of_a_call_however_often_escaped(how, sizes, around):
    whole = json.dumps({"command": around[0]})[:-2] + WRITTEN[how](KEY) + around[1] + '"}'
    edges = list(accumulate(islice(cycle(sizes), len(whole)), initial=0))
    pieces = [whole[a:b] for a, b in pairwise(edges) if a < len(whole)]
    for event in (
        lambda piece: {
            "choices": [{"delta": {"tool_calls": [{"function": {"arguments": piece}}]}}]
        },
        lambda piece: {"type": "content_block_delta", "delta": {"partial_json": piece}},
        lambda piece: {"type": "response.function_call_arguments.delta", "delta": piece},
    ):
        chunks = [event(piece) for piece in pieces]
        redaction = Redaction(KeyPattern(KEY))
        raws = [redaction.raw(f"data: {json.dumps(c)}\n\n".encode()) for c in chunks]
        found = [c for _, c in redaction.across((raw, json.loads(raw[6:])) for raw in raws)]
        assert len(found) == len(chunks)
        said = "".join(texts(found))
        assert MARK in said
        assert KEY[7:].replace("\\", "") not in undone(said)
        assert undone(said).endswith(f'{around[1]}"}}')


def texts(value):
    """Every text in events, but what kind they are of."""
    if isinstance(value, str):
        yield value
    for inner in (
        value.values() if isinstance(value, dict) else value if type(value) is list else ()
    ):
        yield from texts(inner) if inner not in KINDS else ()


KINDS = ("content_block_delta", "response.function_call_arguments.delta")


def undone(said):
    return re.sub(r"\\+u00(..)", lambda found: chr(int(found[1], 16)), said).replace("\\", "")


@pytest.mark.parametrize("idle", [0, 30])
def test_a_long_key_in_single_characters_waits_to_its_end(idle):
    """Longer than the events that wait at most, with others between."""
    key, other = "sk-proj-" + "aB3_" * 40, [{"choices": [{"delta": {}}]}] * idle
    said = [{"choices": [{"delta": {"content": c}}]} for c in key]
    redaction = Redaction(KeyPattern(key))
    events = [(b"", c) for c in [*said[:9], *other, *said[9:]]]
    assert "".join(texts([c for _, c in redaction.across(iter(events))])) == MARK


@pytest.mark.parametrize("name", ["content", "reasoning_content"])
def test_a_key_in_pieces_is_seen_by_nobody(name):
    body = stream_of(["a ", *KEY, " b"], name=name)
    reply, relay = ask(
        Answer(body=body, headers={"Content-Type": "text/event-stream"}), stream=True
    )
    deltas = [json.loads(raw[6:]) for raw in relay.raw if DONE not in raw]
    said = "".join(c["choices"][0]["delta"].get(name, "") for c in deltas if c["choices"])
    assert said == reply.message[name] == f"a {MARK} b"
    assert (reply.usage.prompt, reply.usage.output, reply.redacted) == (7, 3, True)


def test_the_most_of_a_key_at_the_end_is_taken_out_too():
    body = stream_of(["a ", KEY[:12]])
    reply, _ = ask(Answer(body=body), stream=True)
    assert (reply.text, reply.redacted) == (f"a {MARK}", True)


@pytest.mark.parametrize("key", [KEY, "k", "ollama", "12345678", None])
def test_what_holds_no_key_passes_to_the_byte(key):
    body = stream_of(["k s", "sk", "-A", "done k", "12345678"[:4]], name="content")
    reply, relay = ask(Answer(body=body), stream=True, key=key)
    assert b"".join(relay.raw) == body
    assert not reply.redacted


@pytest.mark.parametrize(
    "answer",
    [
        error(400, {"error": {"message": f"bad {KEY}", "code": KEY}}),
        Answer(status=400, body=escaped(KEY).join(['{"error":{"message":"', '"}}']).encode()),
        Answer(body=f"<html>{KEY}".encode()),
        Answer(body={"code": 500, "msg": KEY, "success": False}),
    ],
    ids=["refusal", "escaped", "no JSON", "inside"],
)
def test_a_failure_tells_no_key(answer):
    with pytest.raises(CallFailed) as raised:
        ask(answer)
    failed = raised.value
    told = failed.message + failed.body.decode()
    assert KEY.replace("\\", "") not in told.replace("\\", "")
    assert MARK in told
    assert failed.reply.redacted


def test_the_trial_is_flagged():
    spec = {"api_key_env": "K"}
    with rig([text(f"it is {KEY}"), text("x")], environ=ENVIRON, **spec) as (_, made):
        trial = made.trial()
        trial.complete(ASK, [BASH])
        trial.complete(ASK, [BASH])
        assert [flag.kind for flag in trial.tally.flags] == ["key_repeated"]
        assert "1 replies" in trial.tally.flags[0].detail
        assert KEY not in repr(made.book.ends) + repr(made.notes.entries)
        assert [e.usage.estimated for e in made.book.ends] == [False, False]


# ── what comes before a body ───────────────────────────────────────────────────────────────────


class Endless:
    """A server that sends one beginning, and then the same bytes as long as anybody listens."""

    def __init__(self, first, again, *, pause_s=0.0):
        self.first, self.again, self.pause_s = first, again, pause_s
        self.calls = 0
        self.over = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            self.calls += 1
            try:
                peer.recv(65536)
                peer.sendall(self.first)
                while not self.over.wait(self.pause_s):
                    peer.sendall(self.again)
            except OSError:
                peer.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
FORMS = {
    "lines": (HEAD, b"X-More: " + b"x" * 500 + b"\r\n"),
    "one line": (HEAD + b"X-Long: ", b"x" * 1000),
    "status line": (b"HTTP/1.1 200 O", b"K" * 1000),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 10),
    "trailers": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
        b"X-More: " + b"x" * 500 + b"\r\n",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_endless_headers_are_one_failure(form):
    with (
        Endless(*FORMS[form]) as server,
        rig([], base_url=server.base_url) as (_, made),
        pytest.raises(ProviderError, match="headers have over"),
    ):
        made.trial().complete(ASK, [BASH])
    assert made.book.outcomes == ["malformed_reply"]
    assert server.calls == 1


@pytest.mark.parametrize("form", ["lines", "early hints"])
def test_headers_that_never_end_end_with_the_call(form):
    first, again = FORMS[form]
    with Endless(first, again[:8], pause_s=0.02) as server:
        spec = BackendSpec(name="s/m", model="m", base_url=server.base_url)
        client = EndpointClient(spec.base_url, "k")
        with pytest.raises(CallFailed) as raised:
            client.send(spec, b"{}", timeout_s=0.5)
    assert raised.value.outcome == "timeout"
