"""What every backend does, asked over real HTTP: alone, and as the gateway hands it to programs."""

from contextlib import contextmanager

import pytest

from arena.backend.meter import TrialBackend
from arena.errors import ProviderError
from arena.gateway.server import Gateway, ProxyBackend
from arena.records import Limits
from tests.backend.rig import ASK, BASH, rig
from tests.servers.openai_stub import call, error, text

KEY = "sk-contract-51c0"


@pytest.fixture(params=["metered", "gateway"])
def backends(request):
    """Opens a backend in front of a script; the rig tells what was written down."""

    @contextmanager
    def opened(script, **how):
        environ = {"THE_KEY": KEY}
        with rig(script, api_key_env="THE_KEY", environ=environ, **how) as (stub, made):
            metered = made.trial()
            assert isinstance(metered, TrialBackend)
            if request.param == "metered":
                yield metered, made, stub
                return
            with Gateway() as gateway:
                yield ProxyBackend(gateway, metered), made, stub

    return opened


def test_a_reply_is_what_the_endpoint_said(backends):
    with backends([call("bash", command="ls")]) as (backend, made, stub):
        reply = backend.complete(ASK, (BASH,))
    assert [(c.name, c.arguments) for c in reply.tool_calls] == [("bash", '{"command": "ls"}')]
    assert reply.message["tool_calls"][0]["function"]["name"] == "bash"
    assert made.book.ends[0].usage.prompt == stub.served[0].usage["prompt_tokens"]


def test_usage_that_is_not_told_is_unknown_and_never_nothing(backends):
    with backends([text("hi", usage=None)]) as (backend, made, _):
        backend.complete(ASK, ())
    (ended,) = made.book.ends
    assert ended.raw_usage is None
    assert ended.usage is None or ended.usage.estimated


def test_each_attempt_is_a_call_of_its_own(backends):
    with backends([error(500), text("hi")]) as (backend, made, stub):
        assert backend.complete(ASK, ()).text == "hi"
    assert len(stub.requests) == len(made.book.begun) == 2
    assert made.book.outcomes[-1] == "ok"


def test_no_call_goes_past_a_spent_budget(backends):
    limits = Limits(output_tokens=100, steps=1)
    with backends(lambda _: text("hi"), limits=limits) as (backend, _, stub):
        assert backend.complete(ASK, ()).stop is None
        assert backend.complete(ASK, ()).stop == "steps"
        assert len(stub.requests) == 1


def test_a_lost_endpoint_is_a_fault_and_the_key_is_in_nothing(backends):
    with backends(lambda _: error(401)) as (backend, made, stub):
        with pytest.raises(ProviderError) as raised:
            backend.complete(ASK, ())
        assert stub.requests[0].headers["authorization"] == f"Bearer {KEY}"
        told = [repr(backend), str(raised.value), made.notes.entries, made.book.ends]
    assert made.book.outcomes == ["auth"]
    assert KEY not in str(told)
