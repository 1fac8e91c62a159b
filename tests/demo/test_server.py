import http.client
import json
import math
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import openai
import pytest

from arena.demo.server import serve
from arena.errors import InputError

MESSAGES = [{"role": "user", "content": "It is broken.\n\n```\n>>> f(1)\n2\n```"}]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("bash", "submit")
]


@pytest.fixture(scope="module")
def server():
    with serve() as base_url:
        yield base_url


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server, api_key="unused", max_retries=0, timeout=10)


def post(server, body, path="/chat/completions", headers=()):
    place = urlsplit(server)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(
        "POST", place.path + path, data, {"Content-Type": "application/json", **dict(headers)}
    )
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_tools_are_called(client):
    answer = client.chat.completions.create(model="mutate-20", messages=MESSAGES, tools=TOOLS)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "bash"
    assert json.loads(call.function.arguments)["command"].endswith(" begin 20")
    assert answer.model == "mutate-20"


def test_without_tools_it_answers_with_one_block(client):
    answer = client.chat.completions.create(model="mutate-20", messages=MESSAGES)
    text = answer.choices[0].message.content
    assert text.count("```") == 2
    assert "```bash\nmkdir" in text
    assert answer.choices[0].finish_reason == "stop"


def test_the_end_is_a_submission_in_either_protocol(client):
    done = [
        *MESSAGES,
        {"role": "assistant", "content": "Looking."},
        {"role": "user", "content": "exit code: 127"},
    ]
    text = client.chat.completions.create(model="mutate-20", messages=done)
    assert text.choices[0].message.content.endswith("```bash\nsubmit\n```")
    called = client.chat.completions.create(model="mutate-20", messages=done, tools=TOOLS)
    assert called.choices[0].message.tool_calls[0].function.name == "submit"


def test_tools_it_cannot_use_end_the_conversation(client):
    other = [{"type": "function", "function": {"name": "browse", "parameters": {}}}]
    answer = client.chat.completions.create(model="mutate-20", messages=MESSAGES, tools=other)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.tool_calls is None


def test_usage_is_a_quarter_of_the_bytes(client):
    answer = client.chat.completions.create(model="mutate-20", messages=MESSAGES)
    prompt = json.dumps([MESSAGES, None], ensure_ascii=False)
    assert answer.usage.prompt_tokens == math.ceil(len(prompt.encode()) / 4)
    reply = answer.choices[0].message.content
    assert answer.usage.completion_tokens == math.ceil(len(reply.encode()) / 4)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 0


def test_a_stream_adds_up_to_the_whole(client):
    ask = {"model": "mutate-20", "messages": MESSAGES, "tools": TOOLS}
    whole = client.chat.completions.create(**ask)
    chunks = list(
        client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})
    )
    *pieces, last = chunks
    assert last.choices == []
    assert last.usage == whole.usage
    assert all(piece.usage is None for piece in pieces)
    deltas = [piece.choices[0].delta for piece in pieces]
    called = [call for delta in deltas for call in delta.tool_calls or ()]
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    (expected,) = whole.choices[0].message.tool_calls
    assert "".join(call.function.arguments for call in called) == expected.function.arguments
    assert (called[0].id, called[0].function.name) == (expected.id, expected.function.name)
    assert [piece.choices[0].finish_reason for piece in pieces][-1] == "tool_calls"


def test_a_stream_without_options_has_no_usage(client):
    chunks = list(client.chat.completions.create(model="mutate-20", messages=MESSAGES, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("tools", [None, TOOLS], ids=["text", "tools"])
def test_a_limit_on_output_cuts_the_answer(client, name, tools):
    extra = {"tools": tools} if tools else {}
    answer = client.chat.completions.create(
        model="mutate-20", messages=MESSAGES, **{name: 50}, **extra
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 50


def test_content_may_come_in_parts(client):
    parts = [{"role": "user", "content": [{"type": "text", "text": MESSAGES[0]["content"]}]}]
    whole = client.chat.completions.create(model="mutate-20", messages=MESSAGES)
    split = client.chat.completions.create(model="mutate-20", messages=parts)
    assert split.choices[0].message.content == whole.choices[0].message.content


@pytest.mark.parametrize("model", ["gpt-4", "mutate", "mutate-0", "mutate-x", "mutate-123456", ""])
def test_unknown_models_are_not_found(client, model):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=model, messages=MESSAGES)
    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["mutate-20", "mutate-200"]


BAD = {
    "no json": b"{",
    "no object": [],
    "no model": {"messages": MESSAGES},
    "no messages": {"model": "mutate-20"},
    "empty messages": {"model": "mutate-20", "messages": []},
    "unknown role": {"model": "mutate-20", "messages": [{"role": "ghost", "content": "x"}]},
    "wrong content": {"model": "mutate-20", "messages": [{"role": "user", "content": 3}]},
    "several answers": {"model": "mutate-20", "messages": MESSAGES, "n": 2},
    "no room": {"model": "mutate-20", "messages": MESSAGES, "max_tokens": 0},
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_bad_requests_are_refused_in_the_usual_shape(server, body):
    status, answer = post(server, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"]


def test_unknown_paths_are_not_found(server):
    status, answer = post(server, {}, path="/embeddings")
    assert (status, answer["error"]["type"]) == (404, "invalid_request_error")


def test_bodies_have_a_length_and_a_limit(server):
    assert post(server, b"{}", headers={"Content-Length": "99999999999"})[0] == 413


def test_one_connection_serves_many_requests(server):
    place = urlsplit(server)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    body = json.dumps({"model": "mutate-20", "messages": MESSAGES})
    sockets = set()
    for stream in (False, True, False):
        text = json.dumps({**json.loads(body), "stream": stream})
        connection.request("POST", "/v1/chat/completions", text)
        sockets.add(connection.sock)
        connection.getresponse().read()
    connection.request("GET", "/v1/none")
    assert connection.getresponse().read()
    assert len(sockets) == 1


def test_concurrent_conversations_do_not_mix(client):
    def ask(budget):
        answer = client.chat.completions.create(model=f"mutate-{budget}", messages=MESSAGES)
        return f" begin {budget}\n" in answer.choices[0].message.content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(1, 65)))


def test_a_port_that_is_taken_is_an_input_error():
    with serve() as first:
        port = urlsplit(first).port
        with pytest.raises(InputError, match="choose another port"), serve(port=port):
            pass
    with pytest.raises(InputError, match="cannot listen"), serve(port=70_000):
        pass


def test_leaving_the_context_frees_the_port():
    with serve() as first:
        port = urlsplit(first).port
    with serve(port=port) as second:
        assert urlsplit(second).port == port
