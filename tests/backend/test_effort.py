"""Efforts: one vocabulary, each provider's own words on the wire, and what would be dropped refused."""

from datetime import date

import pytest

from arena.backend import apis, catalog
from arena.backend.apis import over
from arena.backend.resolve import resolve
from arena.config import BackendTable
from arena.errors import InputError
from arena.records import Limits
from tests.backend.rig import ASK, Rig
from tests.gateway.rig import sessions
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import text

TODAY = date(2026, 11, 23)
SHIPPED = catalog.load()


def spec_of(ref, api=None):
    found = resolve(ref, SHIPPED, today=TODAY, environ={})
    return over(found, api) if api else found


@pytest.mark.parametrize(
    ("ref", "api", "level", "sent"),
    [
        ("openai/gpt-5.1", "chat", "low", {"reasoning_effort": "low"}),
        ("openai/gpt-5.1", "responses", "high", {"reasoning": {"effort": "high"}}),
        ("openai/gpt-6-luna", "chat", "none", {"reasoning_effort": "none"}),
        (
            "anthropic/claude-opus-5-5",
            "messages",
            "max",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        ),
        ("anthropic/claude-sonnet-5", "messages", "none", {"thinking": {"type": "disabled"}}),
        ("google/gemini-2.5-pro", "chat", "high", {"reasoning_effort": "high"}),
        ("alibaba/qwen3-max", "chat", "low", {"enable_thinking": True, "thinking_budget": 2048}),
        ("alibaba/qwen3-max", "chat", "none", {"enable_thinking": False}),
        ("zai/glm-5.3", "chat", "max", {"reasoning_effort": "max"}),
        ("zai/glm-5", "chat", "none", {"thinking": {"type": "disabled"}}),
        ("deepseek/deepseek-v4-pro", "chat", "high", {"reasoning_effort": "high"}),
        ("deepseek/deepseek-v4-pro", "chat", "none", {"thinking": {"type": "disabled"}}),
        ("deepseek/deepseek-v4-pro", "messages", "low", {"output_config": {"effort": "low"}}),
        ("moonshot/kimi-k3", "chat", "low", {"reasoning_effort": "low"}),
        ("moonshot/kimi-k2.6", "chat", "none", {"thinking": {"type": "disabled"}}),
        ("openrouter/openai/gpt-5.1", "chat", "low", {"reasoning": {"effort": "low"}}),
        ("vllm/any", "chat", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
    ],
)
def test_each_provider_is_told_in_its_own_words(ref, api, level, sent):
    spec = apis.with_effort(spec_of(ref, api), level)
    assert sent.items() <= spec.quirks.extra_body.items()
    own = spec_of(ref, api).quirks.extra_body
    assert spec.quirks.extra_body.keys() == own.keys() | sent.keys()


@pytest.mark.parametrize(
    ("ref", "api", "level", "says"),
    [
        ("deepseek/deepseek-v4-pro", "chat", "medium", "it takes none, low, high, max"),
        ("moonshot/kimi-k3", "chat", "medium", "it takes low, high, max"),
        ("moonshot/kimi-k2.7-code", "chat", "low", "no effort"),
        ("anthropic/claude-opus-5-5", "chat", "low", "no effort over its chat API"),
        ("anthropic/claude-haiku-4-5", "messages", "low", "no effort"),
        ("openai/gpt-4o", "chat", "low", "no effort"),
        ("openai/gpt-5.6-sol", "chat", "high", "it takes none"),
        ("openai/gpt-5.1", "chat", "xhigh", "it takes none, low, medium, high"),
        ("google/gemini-3.8-flash", "chat", "minimal", "it takes low, medium, high"),
        ("zai/glm-5.3", "chat", "none", "it takes low, high, max"),
        ("alibaba/qwen3-coder-plus", "chat", "low", "no effort"),
        ("openrouter/qwen/qwen3-coder", "chat", "low", "no effort"),
        ("baidu/ernie-5.1", "chat", "low", "no effort"),
    ],
)
def test_what_would_be_dropped_is_refused(ref, api, level, says):
    with pytest.raises(InputError, match=f"effort '{level}' would be .*{says}"):
        apis.with_effort(spec_of(ref, api), level)


def test_every_rule_of_the_catalogue_says_all_of_its_levels():
    """No row names a level for which nothing would be sent, and levels differ on the wire."""
    seen = 0
    for profile, row in SHIPPED.rows():
        if row.alias_of or catalog.is_retired(row, TODAY):
            continue
        table = BackendTable(provider=profile.id, model=row.id, upstream="any")
        spec = resolve(table, SHIPPED, today=TODAY, environ={})
        assert set(row.efforts) <= {"any", *profile.effort}, row.id
        for api, rule in spec.effort.items():
            at = over(spec, api)
            bodies = [apis.with_effort(at, level).quirks.extra_body for level in rule.levels]
            assert all(body not in bodies[:n] for n, body in enumerate(bodies)), row.id
            assert list(rule.levels) == sorted(rule.levels, key=apis.LEVELS.index), row.id
            seen += len(bodies)
    assert seen > 100


def test_a_body_of_ones_own_and_an_effort_exclude_each_other():
    table = BackendTable(
        base_url="http://127.0.0.1:9", model="m", extra_body={"reasoning_effort": "low"}
    )
    with pytest.raises(InputError, match="'reasoning_effort', and so does efforts"):
        apis.with_effort(spec_of(table), "high")


def test_of_an_unknown_endpoint_it_is_said_that_nobody_knows():
    spec = apis.with_effort(spec_of(BackendTable(base_url="http://127.0.0.1:9", model="m")), "high")
    assert apis.UNPROVEN in spec.caveats
    assert apis.UNPROVEN not in apis.with_effort(spec_of("openai/gpt-5.1"), "high").caveats


@pytest.mark.parametrize(("api", "field"), [("chat", "reasoning_effort"), ("messages", "thinking")])
def test_the_built_in_agents_calls_carry_it(api, field):
    with ManyStub(lambda _: text("ok")) as stub:
        bare = Rig(stub, api=api).spec
        spec = apis.with_effort(bare, "low")
        made = Rig(stub, spec=spec, limits=Limits(output_tokens=100))
        with made.pool:
            made.trial().complete(ASK, [])
    (asked,) = stub.requests
    assert asked.body[field] == spec.quirks.extra_body[field]


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_the_gateway_puts_it_into_what_an_agent_sends(api):
    """Whatever the program asks for itself: the contestant decides."""
    rule = apis.STANDARD[api].body
    with sessions(lambda _: text("ok"), api) as opened:
        opened.rig.spec = apis.with_effort(opened.rig.spec, "low")
        with opened.open() as (_, asking):
            other = {"reasoning_effort": "high"} if api == "chat" else {}
            assert asking.post(**other).status_code == 200
    (asked,) = opened.stub.requests
    assert {name: asked.body[name] for name in rule} == {
        name: opened.rig.spec.quirks.extra_body[name] for name in rule
    }
    assert "high" not in str({name: asked.body[name] for name in rule})
