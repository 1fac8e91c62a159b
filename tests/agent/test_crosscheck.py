"""An agent's own count of what it used is never a result, and nothing in it can do harm."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from arena.agent.external import flags
from arena.protocols import CallTotals
from arena.records.program import OwnReport

REPORT = OwnReport(
    input_tokens=("used.in", "used.cached"), output_tokens=("used.out",), cost_usd=("usd",)
)
METERED = CallTotals(steps=5, prompt_tokens=10_000, output_tokens=2_000, cost_usd=Decimal("0.1"))
RIGHT = {"used": {"in": 9_000, "cached": 1_000, "out": 2_000}, "usd": 0.1}


def found(told, metered=METERED):
    text = told if isinstance(told, str) else json.dumps(told)
    return [flag.detail for flag in flags(REPORT, text, metered)]


def test_what_agrees_is_no_news():
    assert found(RIGHT) == []
    near = {"used": {"in": 9_900, "cached": 1_000, "out": 2_400}, "usd": 0.109}
    assert found(near) == []
    assert found("It is done.") == []
    assert found({"used": {"in": None}, "usd": "0.1"}) == []


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"used": {"in": 5_000}}, "it counts 5000 prompt tokens, not 10000 prompt tokens"),
        ({"used": {"cached": 12_000}}, "it counts 12000 prompt tokens, not 10000 prompt tokens"),
        ({"used": {"out": 99.5}}, "it counts 100 output tokens, not 2000 output tokens"),
        ({"usd": 0.3301}, "it counts 0.3301 USD, not 0.1000 USD"),
        ({"usd": 0}, "it counts 0.0000 USD, not 0.1000 USD"),
    ],
)
def test_what_differs_much_is_told(told, says):
    assert found(told) == [says]


def test_the_last_line_that_tells_it_counts():
    lines = [RIGHT, {"used": {"in": 1, "out": 1}, "usd": 9}, {"type": "end"}]
    assert len(found("\n".join(map(json.dumps, lines)))) == 3
    lines = [lines[1], RIGHT, {"type": "end"}]
    assert found("noise\n" + "\n".join(map(json.dumps, lines))) == []


def test_a_line_may_hold_what_ends_lines_elsewhere():
    wrong = json.dumps({"used": {"out": 9}, "text": "a\u2028b\x85c"}, ensure_ascii=False)
    assert found(f"{json.dumps(RIGHT)}\n{wrong}\n") != []


def test_progress_may_stand_before_what_is_told():
    assert found(f"50%\r100%\r{json.dumps({'usd': 9})}\r\n") != []


def test_no_cost_is_compared_with_an_unknown_one():
    assert found({"usd": 5}, replace(METERED, cost_usd=Decimal(0))) == []


@pytest.mark.parametrize(
    "told",
    [
        '{"used": ' * 100_000,
        '{"used": {"in": NaN, "out": Infinity}, "usd": -Infinity}',
        '{"used": {"in": 1e999999999999999999999}}',
        '{"used": {"in": 1e999999}, "usd": true}',
        '{"used": {"in": ' + "9" * 5_000 + "}}",
        '{"used": [1], "usd": {}}',
    ],
)
def test_nonsense_is_no_count(told):
    assert found(told) == []


def test_a_number_with_a_vast_exponent_is_written_shortly():
    assert found('{"usd": 1e-999999}') == ["it counts 0.0000 USD, not 0.1000 USD"]
