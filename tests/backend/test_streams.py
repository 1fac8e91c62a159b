"""What streams of the Messages and Responses APIs, and odd ones of chat, tell of usage and trouble."""

import json
from contextlib import suppress

import pytest

from arena.backend import chat, messages
from arena.backend.call import Call
from arena.backend.chat import Prompt
from arena.backend.replies import CallFailed
from arena.money.statement import possibly_billed
from arena.records import Quirks
from tests.backend.rig import rig
from tests.servers.openai_stub import Answer, text

PROMPT = Prompt((b'{"role":"user","content":"Fix it."}',), b"")


def sse(*told):
    """A stream with these events."""
    lines = [f"data: {json.dumps(event)}\n\n" for event in told]
    return Answer(body="".join(lines).encode(), headers={"Content-Type": "text/event-stream"})


def ended(api, *answers):
    """How the attempts of one call ended."""
    with rig(answers, api=api) as (_, made):
        backend = made.trial()
        with suppress(CallFailed):
            backend.perform(Call(PROMPT, b"{}", 10))
    return made.book.ends


# ── Messages ───────────────────────────────────────────────────────────────────────────────────


def start(**usage):
    return {"type": "message_start", "message": {"role": "assistant", "usage": usage}}


SAID = (
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi" * 9}},
    {"type": "content_block_stop", "index": 0},
)
STOP = {"type": "message_stop"}


def delta(reason="end_turn", **usage):
    event = {"type": "message_delta", "delta": {"stop_reason": reason}}
    return {**event, "usage": usage} if usage else event


def read(**usage):
    return {f"cache_{name}_input_tokens": count for name, count in usage.items()}


USED = {
    "the start counts all, the end what was cached (Alibaba)": (
        [
            start(input_tokens=3602, output_tokens=0),
            delta(output_tokens=878, **read(read=3604, creation=0)),
        ],
        (0, 3604, 0, 878),
    ),
    "the same, with what was read and written": (
        [
            start(input_tokens=3602, output_tokens=0),
            delta(output_tokens=9, **read(read=3000, creation=500)),
        ],
        (102, 3000, 500, 9),
    ),
    "the start counts all, the end splits it (vLLM)": (
        [
            start(input_tokens=3602, output_tokens=0),
            delta(input_tokens=2, output_tokens=9, **read(read=3600, creation=0)),
        ],
        (2, 3600, 0, 9),
    ),
    "the end splits it and is told twice": (
        [
            start(input_tokens=3602, output_tokens=0, **read(read=0, creation=0)),
            delta(None, input_tokens=2, output_tokens=4, **read(read=3600)),
            delta(input_tokens=2, output_tokens=9, **read(read=3600)),
        ],
        (2, 3600, 0, 9),
    ),
    "the start splits, the end repeats it (Anthropic)": (
        [
            start(input_tokens=20, output_tokens=1, **read(read=800, creation=180)),
            delta(input_tokens=20, output_tokens=40, **read(read=800, creation=180)),
        ],
        (20, 800, 180, 40),
    ),
    "the start splits, the end counts output alone (Anthropic)": (
        [
            start(input_tokens=20, output_tokens=1, **read(read=800, creation=180)),
            delta(output_tokens=40),
        ],
        (20, 800, 180, 40),
    ),
    "the end has zeros": (
        [
            start(input_tokens=20, output_tokens=1, **read(read=800)),
            delta(input_tokens=0, output_tokens=40, **read(read=0)),
        ],
        (20, 800, 0, 40),
    ),
    "the start has zeros": (
        [
            start(input_tokens=0, output_tokens=0),
            delta(input_tokens=20, output_tokens=40, **read(read=800)),
        ],
        (20, 800, 0, 40),
    ),
}


@pytest.mark.parametrize("case", USED)
def test_the_prompt_of_a_message_is_counted_once(case):
    (begun, *rest), (fresh, cached, written, output) = USED[case]
    (end,) = ended("messages", sse(begun, *SAID, *rest, STOP))
    used = end.usage
    assert (used.input_fresh, used.cache_read, used.cache_write) == (fresh, cached, written)
    assert (used.output, used.estimated) == (output, False)


@pytest.mark.parametrize("last", [delta(), delta(output_tokens=0)])
def test_output_that_nobody_counted_is_estimated_and_the_prompt_is_as_told(last):
    (end,) = ended("messages", sse(start(input_tokens=3602, output_tokens=1), *SAID, last, STOP))
    assert (end.outcome, end.usage.prompt) == ("ok", 3602)
    assert end.usage.output > 5
    assert end.usage.estimated


def test_a_refusal_whose_output_nobody_counted_may_have_cost_more():
    begun = start(input_tokens=3602, output_tokens=1)
    (end,) = ended("messages", sse(begun, *SAID, delta("refusal"), STOP))
    assert end.outcome == "content_filter"
    assert possibly_billed(end)


def test_a_message_without_content_counts_as_it_is_told():
    body = messages.assemble([start(input_tokens=5, output_tokens=3), delta(), STOP])
    assert body["usage"] == {"input_tokens": 5, "output_tokens": 3}


@pytest.mark.parametrize("before", [(), (start(input_tokens=9, output_tokens=1), *SAID)])
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("overloaded_error", "overloaded"),
        ("api_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
    ],
)
def test_what_goes_wrong_inside_a_message_has_its_name(kind, outcome, before):
    failed = {"type": "error", "error": {"type": kind, "message": "Later."}}
    whole = sse(start(input_tokens=9, output_tokens=1), *SAID, delta(output_tokens=3), STOP)
    ends = ended("messages", sse(*before, failed), whole)
    assert [end.outcome for end in ends] == [outcome, "ok"]
    assert possibly_billed(ends[0])
    assert (ends[0].usage is not None) == (outcome == "rate_limited" and bool(before))


# ── Responses ──────────────────────────────────────────────────────────────────────────────────

CREATED = {"type": "response.created", "response": {"status": "in_progress", "output": []}}
DONE = {
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


def failed(code, **more):
    told = {"error": {"code": code, "message": "No."}} if code else {"error": None}
    return {"status": "failed", "output": [], **told, **more}


OUTCOMES = {
    "server_error": "overloaded",
    "rate_limit_exceeded": "rate_limited",
    "insufficient_quota": "quota_exhausted",
    "context_length_exceeded": "context_overflow",
    None: "overloaded",
}
FORMS = {
    "stream": lambda code: sse(
        CREATED, {"type": "response.failed", "response": failed(code, usage=None)}
    ),
    "whole": lambda code: Answer(body=failed(code)),
    "event": lambda code: sse(CREATED, {"type": "error", "code": code, "message": "No."}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", OUTCOMES)
def test_a_response_that_failed_is_no_step(form, code):
    if code is None and form == "event":
        return
    ends = ended("responses", FORMS[form](code), Answer(body=DONE))
    again = ["ok"] if OUTCOMES[code] in {"overloaded", "rate_limited"} else []
    assert [end.outcome for end in ends] == [OUTCOMES[code], *again]
    assert code is None or code in ends[0].error


@pytest.mark.parametrize("stream", [True, False])
def test_the_usage_of_a_response_that_failed_is_what_it_tells(stream):
    body = failed("server_error", usage={"input_tokens": 70, "output_tokens": 3})
    event = {"type": "response.failed", "response": body}
    first, _ = ended(
        "responses", sse(CREATED, event) if stream else Answer(body=body), Answer(body=DONE)
    )
    assert (first.usage.prompt, first.usage.output) == (70, 3)
    assert not first.usage.estimated


# ── chat completions ───────────────────────────────────────────────────────────────────────────


def piece(content="", finish=None, **more):
    return {"choices": [{"delta": {"content": content}, "finish_reason": finish}], **more}


def used(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion}


@pytest.mark.parametrize("nothing", [{}, used(0, 0), {**used(0, 0), "total_tokens": 0}])
@pytest.mark.parametrize("inside", [True, False])
def test_a_count_of_nothing_takes_no_other_counts_place(nothing, inside):
    last = {"choices": [], "usage": nothing}
    if inside:
        last = {"choices": [{"delta": {}, "usage": nothing}]}
    body = chat.assemble(
        [piece("a", usage=used(10, 2)), piece("b", "stop", usage=used(10, 3)), last]
    )
    reply = chat.parse_reply(body, Quirks())
    assert (reply.usage.prompt, reply.usage.output) == (10, 3)


def test_a_reply_that_counts_nothing_is_estimated():
    (end,) = ended("chat", text("something", usage=used(0, 0)))
    assert end.usage.estimated
    assert end.usage.prompt > 0
    assert end.usage.output > 0


def test_a_reply_that_counts_no_output_for_its_words_is_estimated():
    (end,) = ended("chat", text("something", usage=used(10, 0)))
    assert (end.usage.estimated, end.usage.prompt) == (True, 10)
    (end,) = ended("chat", text("", usage=used(10, 0)))
    assert (end.usage.estimated, end.usage.output) == (False, 0)


def test_the_usage_that_an_error_in_a_stream_tells_counts():
    gone = {"error": {"code": 502, "message": "gone"}, "usage": used(10, 2)}
    first, _ = ended("chat", sse(piece("a"), gone), text("ok"))
    assert (first.outcome, first.usage.prompt) == ("overloaded", 10)


def test_a_refusal_in_the_middle_of_a_reply_may_have_cost_something():
    busy = {"error": {"code": 429, "message": "slow down"}}
    ends = ended("chat", sse(busy), sse(piece("a"), busy), text("ok"))
    assert [end.outcome for end in ends] == ["rate_limited", "rate_limited", "ok"]
    assert ends[0].usage is None
    assert ends[1].usage.estimated
