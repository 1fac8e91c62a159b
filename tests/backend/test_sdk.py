"""What of the `openai` package reaches an endpoint: the connection, and nothing of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openai
import pytest

from arena import __version__
from arena.backend.client import EndpointClient
from arena.backend.replies import CallFailed
from arena.errors import HarnessError
from arena.records import BackendSpec, Quirks
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import Answer, Stub, error, fault, text

ROOT = Path(__file__).parents[2]
LEAK = "leak-9182"
READ = {
    name
    for path in Path(openai.__file__).parent.rglob("*.py")
    for name in re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", path.read_text(encoding="utf-8"))
}
"""Every variable that the installed package looks at, for whatever client of its own."""
ENVIRONMENT = {
    **dict.fromkeys(READ, LEAK),
    "OPENAI_BASE_URL": f"http://127.0.0.1:9/{LEAK}",
    "OPENAI_CUSTOM_HEADERS": f"X-{LEAK}: 1\nAuthorization: Bearer {LEAK}\nUser-Agent: {LEAK}",
    "OPENAI_LOG": "debug",
}
BODIES = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "grüße"}]},
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "grüße"}],
    },
    "responses": {"model": "m", "input": "grüße"},
}
PLAIN = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": f"arena/{__version__}",
}
TRANSPORT = {"host", "connection", "content-length", "accept-encoding"}
AUTHORITY = {
    ("chat", False, "k"): {"authorization": "Bearer k"},
    ("chat", False, None): {},
    ("responses", False, "k"): {"authorization": "Bearer k"},
    ("messages", False, "k"): {"x-api-key": "k", "anthropic-version": "2023-06-01"},
    ("messages", True, "k"): {"authorization": "Bearer k", "anthropic-version": "2023-06-01"},
    ("messages", False, None): {"anthropic-version": "2023-06-01"},
}
SEND = """
import sys
from arena.backend.client import EndpointClient
from arena.records import BackendSpec
spec = BackendSpec(name="s/m", model="m", base_url=sys.argv[1])
for key in ("k", None):
    print(EndpointClient(spec.base_url, key).send(spec, b'{"model":"m"}', timeout_s=20).text)
"""


def spec_of(stub, api="chat", **quirks):
    return BackendSpec(
        name="s/m", model="m", base_url=stub.base_url, api=api, quirks=Quirks(**quirks)
    )


def shown(request):
    """A request's headers but those that belong to the connection."""
    return {name: value for name, value in request.headers.items() if name not in TRANSPORT}


@pytest.mark.parametrize(("case", "authority"), AUTHORITY.items(), ids=str)
def test_an_endpoint_sees_our_headers_and_no_others(case, authority):
    api, bearer, key = case
    with ManyStub(lambda _: text("ok")) as stub:
        spec = spec_of(stub, api, messages_bearer=bearer)
        body = json.dumps(BODIES[api]).encode()
        EndpointClient(spec.base_url, key).send(spec, body, timeout_s=20)
    assert shown(stub.requests[0]) == {**PLAIN, **authority}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", BODIES)
def test_what_is_sent_is_what_was_announced_to_the_byte(api, stream):
    told = {**BODIES[api], "stream": stream}
    body = json.dumps(told, ensure_ascii=False, indent=1).encode()  # as no package writes it
    with ManyStub(lambda _: text("ok")) as stub:
        spec = spec_of(stub, api)
        assert EndpointClient(spec.base_url, "k").send(spec, body, timeout_s=20).text == "ok"
    assert [request.raw for request in stub.requests] == [body]


def test_its_environment_changes_nothing_and_reaches_nobody():
    known = {"OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"}
    assert known <= READ
    with Stub(lambda _: text("ok")) as stub:
        done = subprocess.run(
            [sys.executable, "-c", SEND, stub.base_url],
            env={**os.environ, "PYTHONPATH": str(ROOT), **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=True,
        )
    assert (done.stdout, done.stderr) == ("ok\nok\n", "")
    assert LEAK not in repr(stub.requests)
    assert [shown(request) for request in stub.requests] == [
        {**PLAIN, "authorization": "Bearer k"},
        PLAIN,
    ]


def test_a_package_that_makes_a_request_of_its_own_sends_nothing(monkeypatch):
    """As a later one might, which calls what we put in its place no more."""
    monkeypatch.delattr("arena.backend.client._Sdk._build_request")
    with Stub(lambda _: text("ok")) as stub:
        client = EndpointClient(stub.base_url, "k")
        with pytest.raises(HarnessError, match="is not one that Arena knows"):
            client.send(spec_of(stub), b'{"model":"m"}', timeout_s=20)
    assert stub.requests == []


@pytest.mark.parametrize(
    "answer",
    [error(500), error(429, Retry_After="0"), error(408), error(409), fault("close")],
    ids=["500", "429", "408", "409", "close"],
)
def test_it_never_tries_again(answer):
    with Stub(lambda _: answer) as stub, pytest.raises(CallFailed):
        EndpointClient(stub.base_url, "k").send(spec_of(stub), b'{"model":"m"}', timeout_s=20)
    assert len(stub.requests) == 1


def test_it_tries_again_not_even_when_the_endpoint_asks_it_to():
    asked = error(400, x_should_retry="true")
    with Stub(lambda _: asked) as stub, pytest.raises(CallFailed) as raised:
        EndpointClient(stub.base_url, "k").send(spec_of(stub), b'{"model":"m"}', timeout_s=20)
    assert raised.value.outcome == "bad_request"
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (Answer(status=429, body=b"x" * 20_000), "scripted"),
        (Answer(status=429, body=b'{"error":{"message":"' + b"x" * 20_000), "scripted"),
        (Answer(status=429, body=b'{"error":' + b"[" * 5_000 + b"]" * 5_000 + b"}"), "scripted"),
        (
            Answer(
                status=429,
                body={"error": {"message": "slow down", "type": [["odd"]], "code": {"a": []}}},
                headers={"Content-Type": "application/json; charset=base64"},
            ),
            "slow down",
        ),
    ],
    ids=["no JSON", "cut", "deep", "odd"],
)
def test_a_refusal_of_any_kind_is_classified(monkeypatch, refusal, message):
    monkeypatch.setattr("arena.backend.client.REPLY_LIMIT_BYTES", 15_000)
    with Stub([refusal]) as stub, pytest.raises(CallFailed) as raised:
        EndpointClient(stub.base_url, "k").send(spec_of(stub), b'{"model":"m"}', timeout_s=20)
    assert (raised.value.outcome, raised.value.http_status) == ("rate_limited", 429)
    assert message in raised.value.message
