"""What a run goes on with, where the configuration or the machine is another by now."""

from decimal import Decimal

from arena.records import Budget
from arena.run import resume
from tests.benchmarks import ledgers


def continued(old, **changes):
    """The manifest with which a run goes on, and what was said."""
    said = []
    new = old.model_copy(update=changes)
    return resume.continued(old, new, where="out", say=said.append), said


def test_a_budget_that_was_taken_back_holds_no_more():
    first, second = Budget(usd=Decimal(1)), Budget(usd=Decimal(2))
    old = ledgers.manifest(1, 3, 1).model_copy(
        update={"contestant_budgets": {"c0": first, "c1": first, "c2": first}}
    )
    made, _ = continued(old, contestants=old.contestants[:2], contestant_budgets={"c1": second})
    assert made.contestant_budgets == {"c1": second, "c2": first}


def test_programs_that_were_installed_anew_are_told():
    old = ledgers.manifest(1, 1, 1).model_copy(update={"layers": {"codex": "a", "cline": "a"}})
    made, said = continued(old, layers={"codex": "b", "cline": "a", "aider": "a"})
    assert said == ["codex was installed anew since the run began: what it brings may differ"]
    assert made.layers == {"codex": "b", "cline": "a", "aider": "a"}
