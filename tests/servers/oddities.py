"""Every odd thing that an endpoint has been seen to send, as an answer that a stub can give.

Where the other things that go wrong in the world are produced:

- the connection: a cut, a hang, a drip, garbage, no end (`openai_stub.Fault`); a cut after so many
  events (`Answer.events`); streams that break off at one turn, so many times (`many_apis.breaking`);
  429 and 5xx in all forms (`openai_stub.error`, `backend/trouble.py`); headers and bodies without
  end (`backend/test_key.Endless`, `gateway/test_bounds.py`)
- a history that is refused though the endpoint wrote it: an empty turn, `tool_calls: []`, a field of
  its own (`sheets.Sheet.empty_turn_error`, `empty_calls_error`, `refused_back`, by `vendor.Vendor`)
- each API's own refusals and caches (`many_apis.refusal`, `many_apis.counted`); a vendor's rules,
  error bodies, usage fields and addresses (`sheets.SHEETS`, `many_vendor.ManyVendor`)
- bills: a router's own (`usage.cost`), with one's own key, and counts of nothing (`MONEY` here);
  usage that is not told (`Answer.usage=None`); the price book (`money/test_prices.py`)
- an agent that ends early, by each cause (`agent/test_provider_faults.py`); an engine whose disk
  usage or credential helper fails (`sandbox/test_docker.py`); a registry (`registry.py`)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.openai_stub import Answer

USED = {"prompt_tokens": 900, "completion_tokens": 40}
LS, PWD = ("bash", '{"command": "ls"}'), ("bash", '{"command": "pwd"}')


@dataclass(frozen=True)
class Odd:
    """An answer, and what it means."""

    answer: Answer
    calls: tuple[tuple[str, str], ...] = ()
    text: str = ""
    outcome: str = "ok"
    truncated: bool = False
    words: str = ""
    """Of an error: what the vendor said."""
    billed_usd: str | None = "0.00106"
    """At 1 USD a million of prompt and 4 of output; None is unknown."""
    bills: bool = False
    """The provider is one whose told cost is the bill."""
    status: str = "known"


def delta(*pieces: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a stream."""
    said = {**({"tool_calls": list(pieces)} if pieces else {}), **more}
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def piece(arguments: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A part of a call in a chunk."""
    named = {} if name is None else {"name": name}
    return {"function": {**named, "arguments": arguments}, **more}


def stream(
    *chunks: Mapping[str, Any],
    kind: str = "text/event-stream",
    gap: str = "\n\n",
    whole: bool = True,
    usage: Mapping[str, Any] = USED,
) -> Answer:
    """A stream, with its usage and end where it is whole."""
    told = [*chunks, {"choices": [], "usage": usage}] if whole else chunks
    lines = [f"data: {json.dumps(chunk)}{gap}" for chunk in told]
    body = "".join([*lines, f"data: [DONE]{gap}" if whole else ""]).encode()
    return Answer(body=body, headers={"Content-Type": kind})


def body(message: Mapping[str, Any], usage: Any = USED, **more: Any) -> Answer:
    """A whole reply, as a body."""
    choice = {"message": message, "finish_reason": "stop"}
    return Answer(body={"choices": [choice], "usage": usage, **more})


END, DONE = delta(finish="tool_calls"), delta(finish="stop")
HI = (delta(content="hi"), DONE)
SAID = {"role": "assistant", "content": "hi"}


def two(*numbering: Mapping[str, Any], apart: bool) -> Odd:
    """Two whole calls, in one delta or in two."""
    made = [piece(said, name, **n) for (name, said), n in zip((LS, PWD), numbering, strict=True)]
    chunks = [delta(one) for one in made] if apart else [delta(*made)]
    return Odd(stream(*chunks, END), calls=(LS, PWD))


STREAMS = {
    "a call's id changes between chunks": Odd(
        stream(
            delta(piece("", "bash", index=0, id="a")),
            delta(piece('{"command": ', index=0, id="b")),
            delta(piece('"ls"}', index=0, id="c")),
            END,
        ),
        calls=(LS,),
    ),
    "two calls at index 0 without an id, at once": two({"index": 0, "id": ""}, {"index": 0, "id": ""}, apart=False),
    "two calls at index 0 without an id": two({"index": 0, "id": ""}, {"index": 0, "id": ""}, apart=True),
    "two calls with neither, at once": two({}, {}, apart=False),
    "two calls with neither": two({}, {}, apart=True),
    "two calls with one id": two({"index": 0, "id": "x"}, {"index": 1, "id": "x"}, apart=True),
    "cut, and each chunk has an empty finish": Odd(
        stream(delta(content="h", finish=""), delta(content="i", finish=""), whole=False),
        outcome="connection",
    ),
    "an empty finish after the limit": Odd(
        stream(delta(content="hi", finish=""), delta(finish="length"), delta(finish="")),
        text="hi",
        truncated=True,
    ),
    "an empty role": Odd(stream(delta(role="", content="hi"), DONE), text="hi"),
    "no role": Odd(stream(delta(role=None, content="hi"), DONE), text="hi"),
    "called JSON": Odd(stream(*HI, kind="application/json"), text="hi"),
    "called text": Odd(stream(*HI, kind="text/plain"), text="hi"),
    "single newlines": Odd(stream(*HI, gap="\n"), text="hi"),
    "usage in each chunk": Odd(
        stream(*({**c, "usage": {**USED, "completion_tokens": n}} for n, c in enumerate(HI))),
        text="hi",
    ),
    "usage in the choice": Odd(
        stream({"choices": [{**DONE["choices"][0], "delta": {"content": "hi"}, "usage": USED}]}, usage={}),
        text="hi",
    ),
    "an error called a stream": Odd(
        Answer(
            body={"error": {"code": 503, "message": "busy now"}},
            headers={"Content-Type": "text/event-stream"},
        ),
        outcome="overloaded",
        words="busy now",
    ),
}  # fmt: skip
"""Answers to a call that asked for a stream."""

WHOLE = {
    "an error in place of a reply": Odd(
        Answer(body={"code": 500, "msg": "busy now", "success": False}),
        outcome="overloaded",
        words="busy now",
    ),
    "an error in an envelope": Odd(
        Answer(body={"Response": {"Error": {"Code": "429", "Message": "busy now"}}}),
        outcome="rate_limited",
        words="busy now",
    ),
    "an empty error beside a reply": Odd(body(SAID, error=""), text="hi"),
    "an empty role in a whole reply": Odd(body({**SAID, "role": ""}), text="hi"),
    "usage in the choice of a whole reply": Odd(
        Answer(body={"choices": [{"message": SAID, "finish_reason": "stop", "usage": USED}]}),
        text="hi",
    ),
}
"""Answers to a call that did not."""

_OWN_KEY = {"is_byok": True, "cost_details": {"upstream_inference_cost": 0.036}}
MONEY = {
    "one's own key": Odd(
        body(SAID, {**USED, "cost": 0, **_OWN_KEY}), text="hi", bills=True, billed_usd="0.036"
    ),
    "one's own key and the router's fee": Odd(
        body(SAID, {**USED, "cost": 0.0018, **_OWN_KEY}), text="hi", bills=True, billed_usd="0.0378"
    ),
    "nothing, beside tokens with a price": Odd(
        body(SAID, {**USED, "cost": 0}), text="hi", bills=True, status="estimated"
    ),
    "a proxy's guess": Odd(body(SAID, {**USED, "cost": 0.00173}), text="hi"),
    "a proxy's guess in the last chunk": Odd(
        stream(*HI, usage={**USED, "cost": 0.00173}), text="hi"
    ),
    "a count of nothing": Odd(
        body(SAID, {"prompt_tokens": 0, "completion_tokens": 0}),
        text="hi",
        billed_usd=None,
        status="estimated",
    ),
}
"""Answers that tell a cost, or none; at "None" the estimate itself is nobody's matter."""
