"""The built-in agent over the Messages API; the stand-in keeps the cache and refuses what is wrong."""

import pytest

from arena.backend import messages
from arena.records import Quirks
from tests.agent.rig import bake, contestant
from tests.backend.rig import ASK, BASH, QUICK, Rig
from tests.e2e.rig import gold_command
from tests.servers.many_apis import ManyStub, prefixes, turn
from tests.servers.openai_stub import call, calls, error, text

TASK = "core/interval-merge"


def thinking(name, **arguments):
    answer = calls((name, arguments), content="I look.")
    return type(answer)(
        message={**answer.message, "thinking": "Where is it?"}, finish_reason="tool_calls"
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_keeps_signatures_and_reads_its_own_cache(stream):
    script = [thinking("bash", command="ls"), thinking("bash", command="cat a"), text("done")]
    with ManyStub(script) as stub:
        rig = Rig(stub, api="messages", quirks=Quirks(stream=stream))
        with rig.pool:
            backend = rig.trial()
            history = list(ASK)
            for _ in range(2):
                reply = backend.complete(history, [BASH])
                assert reply.tool_calls[0].name == "bash"
                history.append(reply.message)
                history.append(
                    {
                        "role": "tool",
                        "tool_call_id": reply.tool_calls[0].id,
                        "content": "output " * 300,
                    }
                )
            assert backend.complete(history, [BASH]).text == "done"
    first, second, third = (r.body for r in stub.requests)
    assert second["messages"][1]["content"][0]["signature"].startswith("s")
    assert third["messages"][1] == second["messages"][1]
    ends = rig.book.ends
    assert [end.outcome for end in ends] == ["ok"] * 3
    used = [end.usage for end in ends]
    assert used[0].cache_write > 0
    assert used[1].cache_read == used[0].cache_write
    assert used[2].cache_read == used[1].cache_read + used[1].cache_write
    assert used[2].prompt == stub.served[2].usage["prompt_tokens"]
    assert [len(prefixes(r.body)[1]) for r in stub.requests] == [3, 4, 4]
    assert ends[0].finish_reason == "tool_calls"
    assert rig.book.ends[1].repeated_tokens > 0
    assert first["max_tokens"] == 100


def test_what_the_api_says_of_errors_is_understood():
    def said(kind, message):
        return {"type": "error", "error": {"type": kind, "message": message}}

    script = [
        error(529, said("overloaded_error", "Overloaded")),
        error(429, said("rate_limit_error", "slow down")),
        error(400, said("invalid_request_error", "prompt is too long: 2 tokens > 1 maximum")),
    ]
    with ManyStub(script) as stub:
        rig = Rig(stub, api="messages", retry=QUICK)
        with rig.pool:
            assert rig.trial().complete(ASK, [BASH]).stop == "context_overflow"
    assert rig.book.outcomes == ["overloaded", "rate_limited", "context_overflow"]


def test_a_cut_call_is_marked():
    body = {
        "content": [{"type": "tool_use", "id": "1", "name": "bash", "input": {}}],
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    reply = messages.parse_reply(body, Quirks())
    assert reply.truncated
    assert reply.tool_calls[0].arguments == ""


def test_the_shell_agent_works_over_it(tmp_path):
    steps = [call("bash", command=gold_command(TASK)), call("submit")]
    with ManyStub(lambda r: steps[min(turn(r), 1)]) as stub:
        table = contestant(
            "claude",
            "shell",
            stub,
            backend={
                "provider": "anthropic",
                "model": "claude-sonnet-5-5",
                "endpoints": {"messages": stub.base_url},
            },
        )
        report, _ = bake(tmp_path, [table])
    assert {r.path for r in stub.requests} == {"/v1/messages"}
    row = report["contestants"][0]
    assert row["passed"] == 1
    assert (row["tokens"]["input"], row["tokens"]["output"]) == stub.told
