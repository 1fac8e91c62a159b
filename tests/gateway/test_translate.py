"""Agents of one API on endpoints of another, read by the APIs' own client libraries."""

import json
import threading
from contextlib import contextmanager

import anthropic
import httpx2
import openai
import pytest

from arena.backend import apis
from arena.backend.apis import routed
from arena.errors import InputError
from arena.gateway.proxy_session import ProxySession
from arena.gateway.server import Gateway
from arena.gateway.translator import MessageAssembler, ReplyHistory
from arena.records import Limits
from tests.agent.rig import contestant
from tests.backend.rig import Rig
from tests.e2e.rig import arena, bakeoff
from tests.gateway.rig import request, sessions
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import Answer, call, calls, error, fault, text
from tests.servers.vendor import KEY, Vendor, bash, say

APIS = ("messages", "responses")
TOOL = {"type": "object", "properties": {"command": {"type": "string"}}}


@contextmanager
def translated(script, api, **how):
    """A session to a scripted chat endpoint, for an agent that speaks another API."""
    with (
        sessions(script, "chat", translated_from=api, **how) as made,
        made.open() as (session, asking),
    ):
        asking.api = api
        yield made, session, asking


@contextmanager
def at_vendor(provider, turns, api):
    """A session to a stand-in of a vendor that offers chat completions alone."""
    with Vendor(provider, turns) as vendor, Gateway() as gateway:
        spec = routed(vendor.spec(), [api], agent="an agent")
        rig = Rig(
            vendor.stub,
            spec=spec,
            limits=Limits(output_tokens=1000),
            environ={"STAND_IN_KEY": KEY},
        )
        with rig.pool:
            session = ProxySession(rig.trial())
            with gateway.serving(session):
                yield vendor, rig, "http://{}:{}".format(*gateway.address), session.token


class Claude:
    """A tool loop over Messages, by Anthropic's library, streamed or whole."""

    def __init__(self, url, token, model, *, stream):
        self.client = anthropic.Anthropic(base_url=url, api_key=token, max_retries=0)
        self.model, self.stream = model, stream
        self.history = [{"role": "user", "content": "Fix it."}]
        self.used = [0, 0]

    def ask(self):
        """The text and the commands of a reply, which joins the history."""
        asked = {
            "model": self.model,
            "max_tokens": 500,
            "system": "You fix.",
            "messages": self.history,
            "tools": [{"name": "bash", "description": "Run.", "input_schema": TOOL}],
        }
        if self.stream:
            with self.client.messages.stream(**asked) as reading:
                reply = reading.get_final_message()
        else:
            reply = self.client.messages.create(**asked)
        self.used[0] += reply.usage.input_tokens + (reply.usage.cache_read_input_tokens or 0)
        self.used[1] += reply.usage.output_tokens
        content = [block.model_dump(exclude_none=True) for block in reply.content]
        self.history.append({"role": "assistant", "content": content})
        commands = [block for block in reply.content if block.type == "tool_use"]
        said = "".join(block.text for block in reply.content if block.type == "text")
        return said, [(c.id, c.input["command"]) for c in commands]

    def tell(self, results):
        blocks = [
            {"type": "tool_result", "tool_use_id": name, "content": result}
            for name, result in results
        ]
        self.history.append({"role": "user", "content": blocks})


class Codex:
    """A tool loop over Responses, by OpenAI's library."""

    def __init__(self, url, token, model, *, stream):
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0)
        self.model, self.stream = model, stream
        self.history = [
            {"type": "message", "role": "developer", "content": "You fix."},
            {"type": "message", "role": "user", "content": "Fix it."},
        ]
        self.used = [0, 0]

    def ask(self):
        asked = {
            "model": self.model,
            "instructions": "You fix.",
            "input": self.history,
            "tools": [{"type": "function", "name": "bash", "parameters": TOOL, "strict": False}],
            "store": False,
            "include": ["reasoning.encrypted_content"],
        }
        if self.stream:
            with self.client.responses.stream(**asked) as reading:
                reply = reading.get_final_response()
        else:
            reply = self.client.responses.create(**asked)
        self.used[0] += reply.usage.input_tokens
        self.used[1] += reply.usage.output_tokens
        items = [item.model_dump(exclude_none=True) for item in reply.output]
        self.history += [{k: v for k, v in i.items() if k != "parsed_arguments"} for i in items]
        made = [item for item in reply.output if item.type == "function_call"]
        return reply.output_text, [(c.call_id, json.loads(c.arguments)["command"]) for c in made]

    def tell(self, results):
        for name, result in results:
            self.history.append({"type": "function_call_output", "call_id": name, "output": result})


AGENTS = {"messages": Claude, "responses": Codex}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("provider", ["deepseek", "moonshot", "google", "minimax", "xai", "openai"])
def test_a_conversation_keeps_what_the_vendor_wants_back(provider, api, stream):
    turns = [bash("ls", "pwd"), bash("ls"), say("Done.")]
    with at_vendor(provider, turns, api) as (vendor, rig, url, token):
        agent = AGENTS[api](url, token, rig.spec.model, stream=stream)
        seen, said = [], ""
        while True:
            said, wanted = agent.ask()
            if not wanted:
                break
            seen += [command for _, command in wanted]
            agent.tell([(name, f"result of {command}") for name, command in wanted])
    assert vendor.refusals == []
    assert seen == ["ls", "pwd", "ls"]
    assert said == "Done."
    asked = vendor.stub.requests[-1].messages
    assert [m["role"] for m in asked][:3] == ["system", "user", "assistant"]
    assert [m["content"] for m in asked if m["role"] == "tool"] == [
        "result of ls",
        "result of pwd",
        "result of ls",
    ]
    told = (sum(g.prompt for g in vendor.truth), sum(g.output for g in vendor.truth))
    assert (sum(e.usage.prompt for e in rig.book.ends), agent.used[0]) == (told[0], told[0])
    assert (sum(e.usage.output for e in rig.book.ends), agent.used[1]) == (told[1], told[1])


@pytest.mark.parametrize("api", APIS)
def test_reasoning_reaches_the_agent(api):
    with at_vendor("deepseek", [say("Done.")], api) as (_, rig, url, token):
        agent = AGENTS[api](url, token, rig.spec.model, stream=True)
        agent.ask()
    assert "thinking about turn 0" in json.dumps(agent.history[-2:])


def test_an_event_shows_nothing_that_is_said_later():
    with (
        at_vendor("deepseek", [say("Done.")], "responses") as (_, rig, url, token),
        httpx2.stream(
            "POST",
            f"{url}/v1/responses",
            headers={"authorization": f"Bearer {token}"},
            json={"model": rig.spec.model, "input": "Hello.", "stream": True},
        ) as got,
    ):
        lines = [line for line in got.iter_lines() if line.startswith("data: {")]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    added = [e["item"] for e in events if e["type"] == "response.output_item.added"]
    assert [item.get("summary") for item in added if item["type"] == "reasoning"] == [[]]


@pytest.mark.parametrize("api", APIS)
def test_a_translated_stream_arrives_as_it_is_written(api):
    seen = threading.Event()  # the rest is written when words of the beginning have arrived
    halves = text("word " * 16, halfway=seen)
    with translated([halves], api) as (_, _, asking), asking.stream() as got:
        whole = b""
        for part in got.iter_bytes():
            whole += part
            if b"word" in whole:
                seen.set()
    assert (b"message_stop" if api == "messages" else b"response.completed") in whole


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_a_reply_that_the_limit_cut_says_so(api, stream):
    cut = text("half a sen", finish_reason="length")
    with translated([cut], api) as (made, _, asking):
        got = asking.post(stream=stream).text
    assert ('"stop_reason":"max_tokens"' if api == "messages" else '"max_output_tokens"') in got
    assert made.book.ends[0].truncated


@pytest.mark.parametrize("api", APIS)
def test_an_attempt_is_made_again_and_the_endpoint_gets_chat_alone(api):
    script = [error(503), error(429), call("bash", command="ls")]
    with translated(script, api) as (made, _, asking):
        got = asking.post(stream=True)
        asking.client.headers["anthropic-beta"] = "fast-mode"
    assert got.status_code == 200
    assert made.book.outcomes == ["overloaded", "rate_limited", "ok"]
    for sent in made.stub.requests:
        assert sent.path == "/v1/chat/completions"
        assert not [name for name in sent.headers if name.startswith("anthropic")]
        assert set(sent.body) == {
            *("model", "messages", "tools", "max_tokens", "stream", "stream_options")
        }


@pytest.mark.parametrize("api", APIS)
def test_errors_come_in_the_agents_words(api):
    long = {"error": {"message": "maximum context length is 10", "code": "x"}}
    with translated([error(400, long), text("shorter")], api) as (_, session, asking):
        refused = asking.post()
        assert refused.status_code == 400
        told = refused.json()["error"]
        if api == "messages":
            assert told["type"] == "invalid_request_error"
            assert told["message"].startswith("prompt is too long")
        else:
            assert told["code"] == "context_length_exceeded"
        assert not session.over.is_set()
        assert asking.post().status_code == 200


@pytest.mark.parametrize("api", APIS)
def test_a_broken_translated_stream_reaches_the_agent_broken(api):
    with translated([fault("cut"), text("again")], api) as (made, session, asking):
        with pytest.raises(httpx2.TransportError), asking.stream() as got:
            got.read()
        assert asking.post().status_code == 200
    assert made.book.outcomes == ["connection", "ok"]
    assert not session.over.is_set()


@pytest.mark.parametrize("api", APIS)
def test_a_limit_ends_a_translated_trial(api):
    with translated(lambda _: text("ok"), api, limits=Limits(steps=1)) as (_, session, asking):
        assert asking.post().status_code == 200
        assert asking.post().status_code == 403
        assert session.stop == "steps"


@pytest.mark.parametrize(
    ("api", "content"),
    [
        (
            "messages",
            [{"type": "image", "source": {"type": "base64", "media_type": "a/b", "data": "AA"}}],
        ),
        ("responses", [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]),
    ],
)
def test_pictures_are_refused_in_words(api, content):
    with translated([text("ok")], api) as (made, _, asking):
        key = "input" if api == "responses" else "messages"
        refused = asking.post(**{key: [{"role": "user", "content": content}]})
        assert refused.status_code == 400
        assert "pictures and files are not carried" in refused.json()["error"]["message"]
        assert made.stub.requests == []


@pytest.mark.parametrize(
    ("api", "tool"),
    [
        ("messages", {"type": "bash_20250124", "name": "shell"}),
        ("responses", {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}}),
    ],
)
def test_what_is_left_out_is_written_down(api, tool):
    with translated([text("ok")], api) as (made, _, asking):
        own = request(api)["tools"]
        kept = {"thinking": {"type": "adaptive"}} if api == "messages" else {"reasoning": {}}
        assert asking.post(tools=[*own, tool], **kept).status_code == 200
        assert [t["function"]["name"] for t in made.stub.requests[0].body["tools"]] == ["bash"]
    notes = [entry["text"] for kind, entry in made.notes if kind == "note"]
    assert f"not passed on to the endpoint: tool {tool['name']}" in notes
    assert f"not passed on to the endpoint: {next(iter(kept))}" in notes


def test_instructions_come_first_and_later_ones_as_the_user():
    said = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Fix"}, {"type": "text", "text": "it"}],
        },
        {"role": "system", "content": "You are in /repo."},
    ]
    system = [{"type": "text", "text": "You fix.", "cache_control": {"type": "ephemeral"}}]
    with translated([text("ok")], "messages") as (made, _, asking):
        asking.post(messages=said, system=system)
        assert made.stub.requests[0].messages == [
            {"role": "system", "content": "You fix."},
            {"role": "user", "content": "Fix\n\nit"},
            {"role": "user", "content": "You are in /repo."},
        ]


def test_a_forced_tool_is_forced_over_chat_too():
    with translated([call("bash", command="ls")], "messages") as (made, _, asking):
        choice = {"type": "tool", "name": "bash", "disable_parallel_tool_use": True}
        asking.post(tool_choice=choice)
        sent = made.stub.requests[0].body
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "bash"}}
    assert sent["parallel_tool_calls"] is False


@pytest.mark.parametrize("api", APIS)
def test_models_that_take_no_tools_over_chat_are_refused(api):
    with Vendor("openai", [say("Done.")]) as vendor:
        spec = vendor.spec(model="gpt-6-astra")
    with pytest.raises(InputError, match="take no tools there, so nothing can be translated"):
        routed(spec, [api], agent="an agent")


@pytest.mark.parametrize("api", APIS)
def test_a_missing_library_is_named_with_its_remedy(api, monkeypatch):
    monkeypatch.setitem(apis.TRANSLATORS, api, "no-such-package")
    with Vendor("deepseek", [say("Done.")]) as vendor, pytest.raises(InputError) as refused:
        routed(vendor.spec(), [api], agent="an agent")
    assert "no-such-package" in str(refused.value)
    assert refused.value.remedy == "pip install 'arena-bakeoff[translate]'"


def test_a_plan_says_what_will_be_translated(tmp_path):
    with ManyStub([]) as stub:
        table = contestant("one", "codex", stub, backend={"endpoints": {}})
        bakeoff(tmp_path, [table], tasks=["core/interval-merge"])
        ended = arena("plan", "bakeoff.toml", "--format", "json", cwd=tmp_path, THE_KEY="k")
    assert ended.code == 0, ended.err
    (one,) = ended.json["contestants"]
    assert (one["api"], one["translated_from"]) == ("chat", "responses")


def test_what_a_profile_sends_over_chat_goes_nowhere_else():
    with Vendor("openai", [say("Done.")]) as vendor:
        spec = vendor.spec(
            model="gpt-6-luna",
            endpoints={"responses": "http://127.0.0.1:1/v1"},
            extra_body={"verbosity": "low"},
        )
    assert spec.quirks.extra_body == {"reasoning_effort": "none", "verbosity": "low"}
    native = routed(spec, ["responses"], agent="an agent")
    assert native.quirks.extra_body == {"verbosity": "low"}
    assert routed(native, ["messages"], agent="an agent").quirks == spec.quirks


def test_an_offered_api_is_never_translated():
    with Vendor("deepseek", [say("Done.")]) as vendor:
        spec = vendor.spec(endpoints={"messages": "http://127.0.0.1:1/v1"})
    native = routed(spec, ["messages"], agent="an agent")
    over = routed(spec, ["responses"], agent="an agent")
    assert (native.api, native.translated_from) == ("messages", None)
    assert (over.api, over.translated_from) == ("chat", "responses")
    assert native.identity() != over.identity()
    assert any("translated" in caveat for caveat in over.caveats)


# ── parts ──────────────────────────────────────────────────────────────────────────────────────


def chunk(**delta):
    return {"choices": [{"index": 0, "delta": delta}]}


def piece(arguments, **more):
    function = {"arguments": arguments, **({"name": more.pop("name")} if "name" in more else {})}
    return {"function": function, **more}


@pytest.mark.parametrize(
    "chunks",
    [
        # each number once, in pieces
        [
            [piece("", name="a", index=0, id="x")],
            [piece('{"n"', index=0)],
            [piece(": 1}", index=0)],
            [piece("{}", name="b", index=1, id="y")],
        ],
        # every call numbered 0, told apart by ids
        [[piece('{"n": 1}', name="a", index=0, id="x")], [piece("{}", name="b", index=0, id="y")]],
        # neither numbers nor more than one chunk
        [[piece('{"n": 1}', name="a", id="x"), piece("", name="b", id="y")]],
        # ids that repeat
        [
            [piece('{"n": ', name="a", index=0, id="x")],
            [piece("1}", index=0, id="x")],
            [piece("{}", name="b", index=1, id="y")],
        ],
    ],
)
def test_calls_are_told_apart_however_a_vendor_numbers_them(chunks):
    history = ReplyHistory()
    growth = MessageAssembler(history.name_call)
    deltas = [growth.add(chunk(tool_calls=pieces)) for pieces in chunks]
    deltas.append(growth.finish(growth.message))
    made = {}
    for delta in deltas:
        for part in delta.get("tool_calls", []):
            name, said = made.get(part["index"], ("", ""))
            function = part["function"]
            made[part["index"]] = (name + function.get("name", ""), said + function["arguments"])
    assert [(name, json.loads(said)) for name, said in made.values()] == [
        ("a", {"n": 1}),
        ("b", {}),
    ]
    assert growth.ids == ["call_1", "call_2"]


def said(*names, **more):
    function = {"name": "bash", "arguments": "{}"}
    made = [{"id": name, "type": "function", "function": function} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": made, **more}


def result(name):
    return {"role": "tool", "tool_call_id": name, "content": name}


def test_parallel_calls_that_an_agent_repeats_one_by_one_are_one_message_again():
    history = ReplyHistory()
    kept = said("v1", "v2", reasoning_content="why")
    history.keep(kept, ["call_1", "call_2"])
    repeated = [said("call_1"), result("call_1"), said("call_2"), result("call_2")]
    assert [m.get("tool_call_id") for m in history.restored(repeated)] == [None, "v1", "v2"]
    assert history.restored(repeated)[0] is kept


def test_a_call_that_an_agent_forgot_is_left_out():
    history = ReplyHistory()
    history.keep(said("v1", "v2", reasoning_content="why"), ["call_1", "call_2"])
    restored = history.restored([said("call_2"), result("call_2")])
    assert [c["id"] for c in restored[0]["tool_calls"]] == ["v2"]
    assert restored[0]["reasoning_content"] == "why"


def test_what_the_model_never_said_goes_on_as_the_agent_says_it():
    invented = [said("mine"), result("mine"), {"role": "assistant", "content": "So be it."}]
    assert ReplyHistory().restored(invented) == invented


def test_arguments_that_are_an_object_arrive_as_text():
    growth = MessageAssembler(ReplyHistory().name_call)
    message = said("v1")
    message["tool_calls"][0]["function"] = {"name": "bash", "arguments": {"command": "ls"}}
    delta = growth.finish(message)
    assert json.loads(delta["tool_calls"][0]["function"]["arguments"]) == {"command": "ls"}


def test_reasoning_behind_the_answer_is_kept_but_not_shown():
    growth = MessageAssembler(ReplyHistory().name_call)
    deltas = [growth.add(chunk(content="Yes.")), growth.add(chunk(reasoning_content="Hm."))]
    assert deltas == [{"content": "Yes."}, {}]
    assert growth.message["reasoning_content"] == "Hm."


def test_an_unstreamed_answer_to_a_streamed_request_is_streamed_to_the_agent():
    whole = {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "message": said("v1"), "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }
    with translated([Answer(body=whole, billed=True)], "messages") as (made, _, asking):
        got = asking.post(stream=True)
        assert got.headers["content-type"].startswith("text/event-stream")
        assert "event: message_stop" in got.text
        assert '"type":"tool_use"' in got.text
    assert (made.book.ends[0].usage.prompt, made.book.ends[0].usage.output) == (5, 2)


def test_two_calls_of_one_reply_are_two_blocks():
    script = [calls(("bash", {"command": "ls"}), ("bash", {"command": "pwd"}), content="Look.")]
    with translated(script, "messages") as (_, _, asking):
        blocks = asking.post().json()["content"]
    assert [b["type"] for b in blocks] == ["text", "tool_use", "tool_use"]
    assert [b["input"]["command"] for b in blocks[1:]] == ["ls", "pwd"]
    assert len({b["id"] for b in blocks[1:]}) == 2
