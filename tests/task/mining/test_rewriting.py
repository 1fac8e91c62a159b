"""Statements said in other words by a backend, over a scripted endpoint."""

import json
from decimal import Decimal

import pytest

from arena.errors import InputError
from arena.records import File
from arena.task import pack as packs
from arena.task.mining.rewrite import Rewriter, backend_of
from arena.task.mining.statement import CandidateFix, write_statement
from tests.e2e.rig import arena
from tests.servers.openai_stub import Answer, Stub, text
from tests.task import toy
from tests.task.importing import rig
from tests.task.mining.test_reading import a_commit

GOOD = (
    "# Three cents give one cent\n\nHalving three cents gives one cent. Two cents are expected:\n"
    "half a cent counts as a whole one.\n"
)
FIX = "return (cents + 1) // 2  # away from nought"
TABLE = 'base_url = "{url}"\nmodel = "writer"\nprice = {{ input = 1.0, output = 4.0 }}\n{more}'


@pytest.fixture
def notes(tmp_path):
    gold = toy.diff("purse/__init__.py", toy.BEFORE, toy.AFTER, tmp_path / "scratch")
    tree = (File(path="purse/__init__.py", data=toy.BEFORE.encode()),)
    hidden = (File(path="tests/test_halves.py", data=toy.HIDDEN.encode()),)
    fix = CandidateFix(gold, tree, hidden)
    return "halves", write_statement(a_commit("Fix halves of odd cents"), {}, fix), fix


def anywhere(folder):
    (folder / "policy.toml").write_text("allow_training = true\n")
    return folder / "policy.toml"


def spec(stub, folder, more=""):
    (folder / "writer.toml").write_text(TABLE.format(url=stub.base_url, more=more))
    return backend_of(str(folder / "writer.toml"), anywhere(folder), environ={})


def rewritten(folder, notes, script, *, usd=None, environ=None, more=""):
    with (
        Stub(script) as stub,
        Rewriter(
            spec(stub, folder, more), folder / "calls.jsonl", usd, fx=(), environ=environ or {}
        ) as rewriter,
    ):
        return *rewriter.rewrite(*notes), rewriter.account(1), stub.requests


def test_a_statement_is_said_in_other_words_and_the_cost_is_told(tmp_path, notes):
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    statement, what, account, (asked,) = rewritten(tmp_path, notes, [text(GOOD, usage=usage)])
    assert what == "rewritten"
    assert statement.title == "Three cents give one cent"
    assert "half a cent counts" in statement.text
    assert statement.original == notes[1].text
    assert (account.calls, account.cost_usd) == (1, Decimal("0.003"))
    assert "$0.003000" in account.line
    shown = asked.messages[1]["content"]
    assert "Fix halves of odd cents" in shown
    assert FIX in shown
    assert asked.body["model"] == "writer"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (text(f"{GOOD}\nUse `{FIX}` instead.\n"), "the reply tells"),
        (text(f"{GOOD}\nSee test_half_of_odd_cents.\n"), "the reply tells 'test_half_of_odd_cents'"),
        (text(f"{GOOD}\nMore at https://example.org/1\n"), "the reply tells 'https://"),
        (text("ok"), "says nothing"),
        (text(GOOD, finish_reason="length"), "cut short"),
        (Answer(status=401, body={"error": {"message": "no"}}), "the backend failed"),
    ],
)  # fmt: skip
def test_the_original_is_kept_where_the_reply_is_worth_nothing(tmp_path, notes, reply, words):
    statement, what, account, _ = rewritten(tmp_path, notes, [reply])
    assert statement == notes[1]
    assert what.startswith("kept: ")
    assert words in what
    assert account.calls == 1


def test_a_limit_of_cost_holds_over_sessions(tmp_path, notes):
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    limit = Decimal("0.02")
    outcomes = [
        rewritten(tmp_path, notes, [text(GOOD, usage=usage)], usd=limit)[1:] for _ in range(9)
    ]
    (*_, (what, account, requests)) = outcomes
    assert outcomes[0][0] == "rewritten"
    assert what == "kept: stopped by usd"
    assert requests == []
    assert account.cost_usd <= limit


def test_a_call_that_was_refused_once_does_not_lift_the_limit(tmp_path, notes):
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    limit = Decimal("0.02")
    _, _, account, _ = rewritten(
        tmp_path, notes, [Answer(status=401, body={"error": {"message": "no"}})], usd=limit
    )
    assert (account.calls, account.cost_usd) == (1, 0)
    for _ in range(9):
        _, what, account, asked = rewritten(tmp_path, notes, [text(GOOD, usage=usage)], usd=limit)
    assert (what, asked) == ("kept: stopped by usd", [])
    assert 0 < account.cost_usd <= limit


def test_a_limit_needs_a_price(tmp_path):
    (tmp_path / "free.toml").write_text('base_url = "http://127.0.0.1:9/v1"\nmodel = "writer"\n')
    unpriced = backend_of(str(tmp_path / "free.toml"), anywhere(tmp_path), environ={})
    with pytest.raises(InputError, match="the price is unknown"):
        Rewriter(unpriced, tmp_path / "calls.jsonl", Decimal(1), fx=(), environ={})


def test_another_backend_with_other_prices_cannot_go_on(tmp_path, notes):
    rewritten(tmp_path, notes, [text(GOOD)])
    other = tmp_path / "other.toml"
    other.write_text('base_url = "http://127.0.0.1:9/v1"\nmodel = "other"\n')
    spec = backend_of(str(other), anywhere(tmp_path), environ={})
    with pytest.raises(InputError, match="began to rewrite this pack"):
        Rewriter(spec, next(tmp_path.rglob("*.jsonl")), None, fx=(), environ={})


def test_a_missing_key_is_told_before_anything_is_sent(tmp_path, notes):
    with pytest.raises(InputError, match="WRITER_KEY"):
        rewritten(tmp_path, notes, [text(GOOD)], more='api_key_env = "WRITER_KEY"\n')


def test_an_unknown_backend_is_refused(tmp_path):
    with pytest.raises(InputError, match="nobody"):
        backend_of("nobody/nothing", anywhere(tmp_path), environ={})


def test_code_goes_only_where_a_policy_lets_it(tmp_path):
    with pytest.raises(InputError, match="--policy"):
        backend_of("deepseek/deepseek-v4-pro", None, environ={})
    (tmp_path / "policy.toml").write_text('countries = ["US"]\n')
    with pytest.raises(InputError, match="the lab's country is CN"):
        backend_of("deepseek/deepseek-v4-pro", tmp_path / "policy.toml", environ={})
    (tmp_path / "policy.toml").write_text('countries = ["CN"]\n')
    assert backend_of("deepseek/deepseek-v4-pro", tmp_path / "policy.toml", environ={}).model


def test_a_secret_in_an_address_is_not_repeated(tmp_path):
    (tmp_path / "writer.toml").write_text('base_url = "http://me:hunter2@h/v1"\nmodel = "m"\n')
    with pytest.raises(InputError, match="base_url: must not hold") as raised:
        backend_of(str(tmp_path / "writer.toml"), anywhere(tmp_path), environ={})
    assert "hunter2" not in raised.value.line()


@pytest.mark.timeout(600)
def test_mining_with_issues_and_a_backend(tmp_path):
    rig.a_repository(tmp_path)
    issue = {"number": 7, "title": "Halves are wrong", "body": "Three cents give one cent."}
    (tmp_path / "issues.json").write_text(json.dumps([issue]))
    command = (
        *("tasks", "mine", "repos/acme__purse", "--issues", "issues.json", "--format", "json"),
        *("--out", "ours", "--rewrite", "writer.toml", "--rewrite-usd", "0.5"),
        *("--policy", "policy.toml"),
    )
    with Stub([text(GOOD)]) as stub:
        spec(stub, tmp_path, 'api_key_env = "WRITER_KEY"\n')
        done = arena(*command, cwd=tmp_path, timeout_s=400, WRITER_KEY="sk-canary-41f0")
        (asked,) = stub.requests
    assert done.code == 0, done.err
    assert asked.headers["authorization"] == "Bearer sk-canary-41f0"
    assert "Three cents give one cent." in asked.messages[1]["content"]
    (found,) = done.json["yield"]
    assert (found["tasks"], found["rewriting"]["calls"], found["rewriting"]["rewritten"]) == (
        1,
        1,
        1,
    )
    assert 0 < float(found["rewriting"]["cost_usd"]) < 0.5
    assert f"sent to {stub.base_url}" in done.err
    assert "1 rewritten, 1 calls, cost $0.00" in done.err
    (task,) = packs.load("./ours", base=tmp_path)
    assert task.title == "Three cents give one cent"
    assert "review-statement" in task.tags
    assert "`half_up`" not in task.problem_statement
    assert (
        task.root / "original.md"
    ).read_text() == "Halves are wrong\n\nThree cents give one cent.\n"
    for path in (tmp_path / "ours").rglob("*"):
        assert not path.is_file() or b"sk-canary" not in path.read_bytes()
