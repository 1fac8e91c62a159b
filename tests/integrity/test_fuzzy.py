"""What GNU `patch` takes and `git apply` does not: graded like any patch, and told apart."""

import re

import pytest

TESTS = """diff --git a/tests/conftest.py b/tests/conftest.py
new file mode 100644
--- /dev/null
+++ b/tests/conftest.py
@@ -0,0 +1 @@
+raise SystemExit
"""


def elsewhere(patch):
    """The same change with other lines around it than the tree has."""
    return patch.replace("     >>> half(7)", "     >>> other(7)").replace(
        " def text(", " def other("
    )


@pytest.mark.parametrize(
    "sent", [elsewhere, lambda gold: gold.replace("\n", "\r\n")], ids=["context", "crlf"]
)
def test_a_right_fix_passes_under_the_same_rules(python, sent):
    found = python.grade(sent(python.gold) + TESTS, strict=True)
    assert (found.verdict, found.applied) == ("passed", "fuzzy"), found.reason
    assert found.stripped == ("tests/conftest.py",)


def test_lines_to_take_away_must_be_there(python):
    wrong = re.sub(r"^-(?!--).*$", "-    return 7", python.gold, flags=re.MULTILINE)
    found = python.grade(wrong)
    assert (found.verdict, found.applied) == ("invalid_patch", "exact")
    assert "does not apply" in found.reason


def test_what_applies_exactly_is_read_exactly(python):
    assert python.grade(python.gold).applied == "exact"
