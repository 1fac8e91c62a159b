"""The check that needs a key, against stand-ins."""

from datetime import date
from decimal import Decimal

import pytest

from arena.backend import catalog, checks
from arena.errors import InputError
from arena.money.prices import SHIPPED_FX
from tests.servers.openai_stub import text
from tests.servers.sheets import SHEETS
from tests.servers.vendor import KEY, Vendor, say, tool

TODAY = date(2026, 11, 23)
TURNS = [tool("add", a=2178, b=9304), say("The sum is 11,482.")]
ENVIRON = {"STAND_IN_KEY": KEY}


@pytest.mark.parametrize("provider", sorted(SHEETS))
def test_each_vendor_passes(provider):
    with Vendor(provider, TURNS) as vendor:
        found = checks.probe(vendor.spec(), fx=SHIPPED_FX, environ=ENVIRON)
    assert found.ok, found.detail
    assert len(found.usage) == 2
    assert found.returned_model


def test_cost_is_shown():
    with Vendor("deepseek", TURNS) as vendor:
        found = checks.probe(vendor.spec(), fx=SHIPPED_FX, environ=ENVIRON)
    assert Decimal(0) < found.cost_usd < Decimal("0.01")


@pytest.mark.parametrize(
    ("turns", "faults", "words"),
    [
        ([say("11482")], {}, "did not call the tool"),
        ([TURNS[0], say("about eleven thousand")], {}, "did not answer with the tool's result"),
        (TURNS, {0: "quota"}, "quota_exhausted"),
        (TURNS, {0: "context"}, "stopped by context_overflow"),
        (TURNS, {1: text("", usage=None)}, "without usage"),
    ],
)
def test_what_is_wrong_is_said(turns, faults, words):
    with Vendor("deepseek", turns, faults=faults.get) as vendor:
        found = checks.probe(vendor.spec(), fx=SHIPPED_FX, environ=ENVIRON)
    assert not found.ok
    assert words in found.detail


def test_a_missing_key_is_told_before_anything_is_sent():
    with Vendor("deepseek", TURNS) as vendor, pytest.raises(InputError, match="STAND_IN_KEY"):
        checks.probe(vendor.spec(), fx=SHIPPED_FX, environ={})
    assert vendor.stub.requests == []


def seen(model, **more):
    settings = {
        "backend": f"deepseek/{model}",
        "provider": "deepseek",
        "model": model,
        "simulated": False,
        "ok": True,
        "detail": "",
        "cost_usd": None,
        "wall_s": 1.0,
    }
    return checks.LiveCheck(**{**settings, **more})


def test_what_was_seen_raises_the_evidence(tmp_path):
    checks.record([seen("deepseek-flash")], tmp_path, today=date(2026, 11, 1))
    results = [
        seen("deepseek-v4-pro"),
        seen("deepseek-chat", ok=False),
        seen("deepseek-r1", simulated=True),
    ]
    (path,) = checks.record(results, tmp_path, today=TODAY)
    assert path == tmp_path / "deepseek.live.toml"
    rows = {row.id: row for row in catalog.load([tmp_path]).profiles["deepseek"].models}
    assert (rows["deepseek-flash"].evidence, rows["deepseek-flash"].checked_on) == (
        "live",
        date(2026, 11, 1),
    )
    assert (rows["deepseek-v4-pro"].evidence, rows["deepseek-v4-pro"].checked_on) == ("live", TODAY)
    assert rows["deepseek-v4-pro"].prices
    assert {rows[m].evidence for m in ("deepseek-chat", "deepseek-r1")} == {"code"}
