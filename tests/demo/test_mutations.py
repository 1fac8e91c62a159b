import shlex
from pathlib import Path

import pytest

from arena.demo.probe.search import SWAPS, WEIGHTS, apply, mutations

CASES = {
    "comparison boundary": ("x < y", "x <= y"),
    "comparison in a chain": ("0 < a < b", "0 < a <= b"),
    "not in": ("a  not  in b", "a  in b"),
    "is none": ("a is not None", "a is None"),
    "arithmetic": ("a - b", "a + b"),
    "parentheses are kept right": ("a * (b + c)", "a * (b - c)"),
    "in": ("x(a in b)", "x(a not in b)"),
    "is not": ("x(a is b)", "x(a is not b)"),
    "and to or": ("x(a and b)", "x(a or b)"),
    "dropped not": ("f(not a)", "f(a)"),
    "dropped sign": ("f(-1)", "f(1)"),
    "constant": ("f(3)", "f(2)"),
    "flag": ("f(True)", "f(False)"),
    "jump": ("for a in b:\n    break", "for a in b:\n    continue"),
    "subtracted": ("a += b", "a -= b"),
    "assigned": ("a += b", "a = b"),
    "deleted": ("a()\nb()\n", "pass\nb()\n"),
    "deleted whole body": ("if a:\n    b()\n", "if a:\n    pass\n"),
    "deleted over lines": ("f(a,\n  b)\nc()\n", "pass\nc()\n"),
}


def texts(before):
    return [apply(before, item) for item in mutations("m.py", before)]


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_mutation_is_offered(before, after):
    found = texts(before)
    assert after in found or f"{after}\n" in found


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_the_rest_of_the_file_stays_as_it_is(end):
    lines = [
        "# naïve — ☃",
        "def f(é, b):",
        "    s = '☃☃'; t = é < b   # odd  spacing",
        "",
        "    return t",
        "",
    ]
    before = end.join(lines)
    assert before.replace("é < b", "é <= b") in texts(before)


def test_texts_are_left_alone():
    before = (
        '"""A text."""\n\n\ndef f(a: "int | 3" = 1) -> "int":\n'
        '    """Another text, not 3."""\n    b = 4\n    return f"{a:03d}" "is 3 < 4"\n'
    )
    found = texts(before)
    assert any("b = 5" in text for text in found)
    for text in found:
        assert text.startswith('"""A text."""')
        assert '"""Another text, not 3."""' in text
        assert 'a: "int | 3"' in text or "\npass\n" in text
        assert 'f"{a:03d}" "is 3 < 4"' in text or "    pass\n" in text


def test_mutants_differ_in_one_place_and_a_third_compile_at_least():
    before = Path(shlex.__file__).read_text()
    found = list(mutations("shlex.py", before))
    assert len(found) > 400
    sound = 0
    for item in found[::7]:
        text = apply(before, item)
        assert text.startswith(before[: item.start])
        assert text.endswith(before[item.end :])
        assert 0 < item.first_line <= item.last_line
        try:
            compile(text, "shlex.py", "exec")
        except SyntaxError:
            continue
        sound += 1
    assert sound > len(found[::7]) / 3


def test_every_operator_has_a_weight():
    assert WEIGHTS.keys() == {*SWAPS, "off by one", "deleted"}


def test_same_source_gives_the_same_mutations_in_the_same_order():
    before = "def f(a, b):\n    return [x for x in a if x < b + 1]\n"
    assert list(mutations("m.py", before)) == list(mutations("m.py", before))
