"""Forms in which endpoints send the same reply, and failures: none is the model's, or free."""

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.backend.call import events
from arena.backend.chat import assemble, parse_reply
from arena.backend.replies import CallFailed
from arena.records import Quirks
from tests.backend.test_client import ask, failure, sse
from tests.servers.openai_stub import Answer, Stub

USED = {"prompt_tokens": 9, "completion_tokens": 4}


def delta(*calls, finish=None, **more):
    said = {**({"tool_calls": list(calls)} if calls else {}), **more}
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def piece(arguments, name=None, **more):
    named = {} if name is None else {"name": name}
    return {"function": {**named, "arguments": arguments}, **more}


def made(*chunks):
    reply = parse_reply(assemble(chunks), Quirks())
    return [(c.name, c.arguments) for c in reply.tool_calls]


ONE = [("bash", '{"a":1}')]
TWO = [("bash", '{"a":1}'), ("bash", "{}")]


@pytest.mark.parametrize(
    ("chunks", "calls"),
    [
        (
            [
                delta(piece("", "bash", index=0, id="a")),
                delta(piece('{"a"', index=0, id="b")),
                delta(piece(":1}", index=0, id="c")),
            ],
            ONE,
        ),
        (
            [
                delta(piece('{"a"', "bash", index=0, id="a")),
                delta(piece(":1}", "bash", index=0, id="b")),
            ],
            ONE,
        ),
        (
            [delta(piece('{"a":1}', "bash", index=0, id=""), piece("{}", "bash", index=0, id=""))],
            TWO,
        ),
        (
            [
                delta(piece('{"a":1}', "bash", index=0, id="")),
                delta(piece("{}", "bash", index=0, id="")),
            ],
            TWO,
        ),
        ([delta(piece('{"a":1}', "bash"), piece("{}", "bash"))], TWO),
        ([delta(piece('{"a":1}', "bash")), delta(piece("{}", "bash"))], TWO),
        ([delta(piece('{"a"', "bash")), delta(piece(":1}")), delta(piece("{}", "bash"))], TWO),
        ([delta(piece('{"a":1}', "bash", index=0)), delta(piece("{}", "bash", index=1))], TWO),
        (
            [
                delta(piece('{"a"', "bash", index=0), piece("{", "bash", index=1)),
                delta(piece("}", index=1), piece(":1}", index=0)),
            ],
            TWO,
        ),
        (
            [
                delta(piece('{"a":1}', "bash", index=0, id="x")),
                delta(piece("{}", "bash", index=1, id="x")),
            ],
            TWO,
        ),
        (
            [
                delta(piece('{"a":1}', "bash", index=0, id="")),
                delta(piece("{", "bash", index=0, id="")),
                delta(piece("}", index=0)),
            ],
            TWO,
        ),
    ],
)
def test_pieces_of_calls_in_every_numbering(chunks, calls):
    assert made(*chunks) == calls


@pytest.mark.parametrize("ending", ["", "null"])
def test_a_stream_that_says_in_each_chunk_that_it_goes_on_was_cut(ending):
    cut = [delta(content="a", finish=ending), delta(content="b", finish=ending)]
    assert failure([sse(*cut, done=False)], stream=True).outcome == "connection"
    with Stub([sse(*cut, delta(finish="length"), delta(finish=ending), done=False)]) as stub:
        reply = ask(stub, stream=True)
    assert (reply.text, reply.truncated) == ("ab", True)


@pytest.mark.parametrize("role", [{}, {"role": ""}, {"role": None}])
def test_a_reply_is_the_assistants(role):
    streamed = parse_reply(assemble([delta(content="a", finish="stop", **role)]), Quirks())
    whole = parse_reply({"choices": [{"message": {**role, "content": "a"}}]}, Quirks())
    assert streamed.message["role"] == whole.message["role"] == "assistant"


GOOD = [delta(content="a"), delta(content="b", finish="stop"), {"choices": [], "usage": USED}]
FRAMES = {
    "usual": "".join(f"data: {json.dumps(c)}\n\n" for c in GOOD) + "data: [DONE]\n\n",
    "single newlines": "".join(f"data: {json.dumps(c)}\n" for c in GOOD) + "data: [DONE]\n",
    "no end": "\n".join(f"data: {json.dumps(c)}" for c in GOOD),
    "returns": "".join(f"data: {json.dumps(c)}\r\r" for c in GOOD) + "data: [DONE]\r\r",
    "both": "".join(f"data:{json.dumps(c)}\r\n\r\n" for c in GOOD) + "data:[DONE]\r\n\r\n",
    "mark and comments": "\ufeff: hi\n\n"
    + "".join(f"event: x\ndata: {json.dumps(c)}\n\n" for c in GOOD)
    + "data: [DONE]\n\n",
    "lines": "".join(
        "data: " + json.dumps(c, indent=1).replace("\n", "\ndata: ") + "\n\n" for c in GOOD
    ),
}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/event-stream", ""])
@pytest.mark.parametrize("frame", FRAMES)
def test_a_stream_is_one_whatever_it_is_called_and_however_parted(frame, kind):
    with Stub([Answer(body=FRAMES[frame].encode(), headers={"Content-Type": kind})]) as stub:
        reply = ask(stub, stream=True)
    assert (reply.text, reply.finish_reason) == ("ab", "stop")
    assert (reply.usage.prompt, reply.usage.output) == (9, 4)


def test_events_without_a_line_between_stay_events():
    found = list(events([b"data: {}\ndata: {}\nevent: x\ndata: [DONE]\n"]))
    assert found == [
        (b"data: {}\n\n", b"{}"),
        (b"data: {}\n\n", b"{}"),
        (b"event: x\ndata: [DONE]\n\n", b"[DONE]"),
    ]


OUTCOMES = [
    ({"code": 500, "msg": "busy now", "success": False}, "overloaded"),
    ({"code": "InvalidParameter", "message": "busy now", "request_id": "r"}, "malformed_reply"),
    ({"error_code": 17, "error_msg": "busy now"}, "malformed_reply"),
    ({"status": 503, "detail": "busy now"}, "overloaded"),
    ({"Response": {"Error": {"Code": "429", "Message": "busy now"}}}, "rate_limited"),
    ({"errors": [{"message": "busy now", "code": 503}]}, "overloaded"),
    ({"error": True, "message": "busy now", "code": 503}, "overloaded"),
    ({"code": 401, "message": "busy now", "data": None}, "auth"),
    ({"text": "busy now"}, "malformed_reply"),
    ({"error": "busy now", "choices": []}, "malformed_reply"),
]


@pytest.mark.parametrize(("body", "outcome"), OUTCOMES)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_an_error_in_place_of_a_reply_keeps_the_vendors_words(body, outcome, kind):
    found = failure([Answer(body=body, headers={"Content-Type": kind})], stream=True)
    assert found.outcome == outcome
    assert "busy now" in found.message


@pytest.mark.parametrize("error", ["", None, {}, [], False, {"code": 0, "message": ""}])
@pytest.mark.parametrize("name", ["error", "errors"])
def test_an_empty_error_beside_a_reply_is_none(name, error):
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], name: error}
    with Stub([Answer(body=body), sse(*({**c, name: error} for c in GOOD))]) as stub:
        assert ask(stub).text == "a"
        assert ask(stub, stream=True).text == "ab"


@pytest.mark.parametrize("outer", [None, {}, {"prompt_tokens": 0, "completion_tokens": 0}])
def test_usage_in_the_choice_of_a_whole_reply_counts(outer):
    choice = {"message": {"content": "a"}, "finish_reason": "stop", "usage": USED}
    reply = parse_reply({"choices": [choice], "usage": outer}, Quirks())
    assert (reply.usage.prompt, reply.usage.output) == (9, 4)


# ── any form of one reply ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Form:
    """How a stand-in sends the same two calls."""

    cuts: tuple[int, ...]
    numbered: bool
    named: bool
    repeats: bool
    role: str | None
    going: str | None
    usage: str
    newline: str
    gap: bool
    done: bool
    kind: str
    block: int


FORMS = st.builds(
    Form,
    cuts=st.lists(st.integers(1, 14), max_size=4).map(lambda c: tuple(sorted(set(c)))),
    numbered=st.booleans(),
    named=st.booleans(),
    repeats=st.booleans(),
    role=st.sampled_from(["assistant", "", None]),
    going=st.sampled_from([None, "", "null"]),
    usage=st.sampled_from(["last", "choice", "each", "beside"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    gap=st.booleans(),
    done=st.booleans(),
    kind=st.sampled_from(["text/event-stream", "application/json", "text/plain"]),
    block=st.integers(1, 400),
)
ARGUMENTS = ('{"command": "ls"}', '{"command": "cat"}')


def chunks_of(form):
    yield delta(role=form.role, content="so", finish=form.going)
    for number, said in enumerate(ARGUMENTS):
        edges = [0, *form.cuts, len(said)]
        for part, (a, b) in enumerate(pairwise(edges)):
            one = piece(said[a:b], "bash" if part == 0 or form.repeats else None)
            one |= {"index": number if form.numbered else 0} if form.numbered or form.named else {}
            one |= {"id": f"c{number}" if form.named else ""} if part == 0 else {}
            yield delta(one, finish=form.going)
    last = delta(finish="tool_calls")
    if form.usage == "beside":
        last["usage"] = USED
    elif form.usage == "choice":
        last["choices"][0]["usage"] = USED
    yield last
    if form.going is not None:
        yield delta(finish=form.going)
    if form.usage in ("last", "each"):
        yield {"choices": [], "usage": USED}


def body_of(form):
    chunks = [dict(c) for c in chunks_of(form)]
    if form.usage == "each":
        for number, chunk in enumerate(chunks[:-1]):
            chunk["usage"] = {"prompt_tokens": 9, "completion_tokens": min(number, 4)}
    end = form.newline * (1 + form.gap)
    lines = [f"data: {json.dumps(chunk)}{end}" for chunk in chunks]
    return "".join([*lines, f"data: [DONE]{end}" if form.done else ""]).encode()


@settings(deadline=None, max_examples=200)
@given(form=FORMS)
def test_no_form_of_a_reply_changes_what_it_says_or_costs(form):
    body = body_of(form)
    blocks = [body[at : at + form.block] for at in range(0, len(body), form.block)]
    chunks = [json.loads(data) for _, data in events(blocks) if data and data != b"[DONE]"]
    reply = parse_reply(assemble(chunks), Quirks())
    assert [(c.name, c.arguments) for c in reply.tool_calls] == [("bash", a) for a in ARGUMENTS]
    assert (reply.text, reply.finish_reason, reply.message["role"]) == (
        "so",
        "tool_calls",
        "assistant",
    )
    assert (reply.usage.prompt, reply.usage.output) == (9, 4)


@settings(deadline=None, max_examples=25)
@given(form=FORMS)
def test_nor_over_the_wire_and_a_cut_one_is_never_whole(form):
    body, headers = body_of(form), {"Content-Type": form.kind}
    cut = body[: body.index(b'"tool_calls", "index"') if b'"tool_calls", "index"' in body else 90]
    with Stub([Answer(body=body, headers=headers), Answer(body=cut, headers=headers)]) as stub:
        assert len(ask(stub, stream=True).tool_calls) == 2
        with pytest.raises(CallFailed) as raised:
            ask(stub, stream=True)
    assert raised.value.outcome in {"connection", "malformed_reply"}
