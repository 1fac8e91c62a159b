"""What a program in a sandbox finds of its model: one session, metered, until a limit ends it."""

import json
from contextlib import contextmanager

import pytest

from arena.errors import ProviderError
from arena.gateway.server import Gateway, ProxyBackend
from arena.protocols import SandboxBackend
from arena.records import Limits, SandboxLimits
from arena.records.container import AGENT_USER, HOME, LAYER_PYTHON
from arena.records.program import Install
from arena.sandbox.image.images import Images
from arena.sandbox.image.layer import Layers
from arena.task import pack
from tests.backend.rig import rig
from tests.servers.openai_stub import error, text

STEPS = 2
ASK = """
import json, sys, urllib.error, urllib.request
origin, token, model = sys.argv[1:]
body = {"model": model, "messages": [{"role": "user", "content": "Fix it."}]}
request = urllib.request.Request(
    origin + "/v1/chat/completions",
    json.dumps(body).encode(),
    {"authorization": "Bearer " + token, "content-type": "application/json"},
)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as refusal:
    answer = refusal
print(json.dumps([answer.status, answer.read().decode()]))
"""


@pytest.fixture(params=[ProxyBackend], ids=lambda made: made.__name__)
def opened(request, engine):
    """Opens a session in a container; gives both, its backend, and a way to ask from inside."""
    images = Images(engine, pack.tree_files)
    image = images.ensure_languages(["python"])["python"].id
    base = images.ensure_base()
    layer = Layers(engine.connection).ensure("contract", Install(), base, lambda _: None)

    @contextmanager
    def opened(script):
        limits = Limits(steps=STEPS, output_tokens=100)
        with (
            rig(script, limits=limits, context_window=64_000) as (_, made),
            Gateway() as gateway,
            engine.open(
                image,
                limits=SandboxLimits(),
                labels={},
                user=AGENT_USER,
                workdir=HOME,
                layer=layer.id,
            ) as box,
        ):
            backend = request.param(gateway, made.trial())
            with backend.open(box) as session:

                def ask(token=session.token):
                    argv = [LAYER_PYTHON, "-I", "-c", ASK, session.origin, token, backend.model]
                    done = box.exec(argv, timeout_s=60)
                    assert done.exit_code == 0, done.text
                    return json.loads(done.stdout)

                yield backend, session, ask

    return opened


def test_a_program_reaches_its_model_until_its_limit_and_is_metered(opened):
    with opened(lambda _: text("It is done.")) as (backend, session, ask):
        assert isinstance(backend, SandboxBackend)
        assert (backend.model, backend.context_window) == ("m", 64_000)
        assert session.ending is None
        assert 0 < session.remaining_s <= Limits().seconds
        for step in range(1, STEPS + 1):
            status, said = ask()
            assert (status, session.metered.steps) == (200, step)
            assert "It is done." in said
        assert session.metered.prompt_tokens > 0
        assert session.metered.cost_usd > 0
        session.check_end(clean=True)
        status, _ = ask()
        assert status >= 400
        assert session.metered.steps == STEPS
        assert session.ending.stop == "steps"


def test_nobody_else_is_let_in(opened):
    with opened(lambda _: text("It is done.")) as (_, session, ask):
        status, _ = ask(token="x" + session.token)
        assert status == 401
        assert session.metered.steps == 0


def test_an_endpoint_that_turns_the_key_away_is_the_providers_fault(opened):
    with opened(lambda _: error(401)) as (_, session, ask):
        status, _ = ask()
        assert status >= 400
        with pytest.raises(ProviderError) as raised:
            _ = session.ending
        assert raised.value.stops_contestant
