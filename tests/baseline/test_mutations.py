import ast
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from arena.baseline.probe.mutate import mutations
from arena.baseline.probe.source import Edit, Hints, Source

CASES = {
    "comparison boundary": ("x < y", "x <= y"),
    "comparison in a chain": ("0 < a < b", "0 < a <= b"),
    "comparison beside a comment": ("(a  # < not this\n < b)", "(a  # < not this\n <= b)"),
    "not in": ("a  not  in b", "a  in b"),
    "is none to truth": ("a is not None", "a"),
    "compared with one more": ("a < b", "a < b + 1"),
    "arithmetic": ("a - b", "a + b"),
    "floor to ceiling": ("a // (b + c)", "-(-a // (b + c))"),
    "division guard": ("a / b", "(a / b if b else 0)"),
    "operand order": ("f(a) - (b + c)", "(b + c) - f(a)"),
    "grouping": ("a + b * c", "(a + b) * c"),
    "and to or": ("a and b and c", "a or b or c"),
    "dropped condition": ("(a and (b or c))", "(a)"),
    "falsy value kept": ("x = a or b", "x = a if a is not None else b"),
    "falsy value kept in a sum": ("x = 1 + (a or b)", "x = 1 + ((a if a is not None else b))"),
    "dropped not": ("not a", "a"),
    "not to none": ("not a.b", "a.b is None"),
    "negated": ("if a:\n    b()", "if not a:\n    b()"),
    "asked for none": ("while a.b:\n    c()", "while a.b is not None:\n    c()"),
    "branches": ("a if b else c", "c if b else a"),
    "constant": ("f(3)", "f(2)"),
    "flag": ("f(True)", "f(False)"),
    "separator": ("s.join(', ')", "s.join(',')"),
    "index": ("a[i]", "a[i - 1]"),
    "last": ("a[0]", "a[-1]"),
    "slice bound": ("a[i:j]", "a[i:j + 1]"),
    "slice side": ("a[n:]", "a[:n]"),
    "missing key": ("a[k]", "a.get(k)"),
    "tuple order": ("f((a, b))", "f((b, a))"),
    "arguments": ("f((a), b.c)", "f((b.c), a)"),
    "dropped argument": ("f(a, (b), c=1)", "f(a, (b))"),
    "method": ("a.lstrip('x')", "a.removeprefix('x')"),
    "split once": ("a.split('=')", "a.split('=', 1)"),
    "first of a queue": ("a.pop()", "a.pop(0)"),
    "min to max": ("min(a, b)", "max(a, b)"),
    "range": ("range(a)", "range(a + 1)"),
    "descending": ("sorted(a, key=k)", "sorted(a, key=k, reverse=True)"),
    "sort key": ("sorted(a, key=lambda x: x.n)", "sorted(a, key=lambda x: -x.n)"),
    "filter": ("[x for x in a if x]", "[x for x in a]"),
    "trimmed items": ("[x for x in a]", "[x.strip() for x in a]"),
    "pattern": ("re.compile(r'a+b')", "re.compile(r'a*b')"),
    "pattern end": ("re.match('ab', s)", "re.match('ab$', s)"),
    "format": ("f'{a:>03d}'", "f'{a:>04d}'"),
    "copy": ("x = self.a", "x = list(self.a)"),
    "jump": ("for a in b:\n    break", "for a in b:\n    continue"),
    "assigned": ("a += b", "a -= b"),
    "deleted": ("a()\nb()\n", "b()\n"),
    "deleted whole body": ("if a:\n    b()\n", "if a:\n    pass\n"),
    "reordered": ("a()\nb()\nc()\n", "b()\na()\nc()\n"),
    "moved out": (
        "def f():\n    for a in b:\n        c()\n        return a\n",
        "def f():\n    for a in b:\n        c()\n    return a\n",
    ),
    "moved in": ("for a in b:\n    c()\nd()\n", "for a in b:\n    c()\n    d()\n"),
    "elif": ("if a:\n    b()\nelif c:\n    d()\n", "if a:\n    b()\nif c:\n    d()\n"),
    "skipped item": ("for a in b:\n    c(a)\n", "for a in b:\n    if not a:\n        continue\n    c(a)\n"),
    "other variable": ("def f(one, two):\n    return one\n", "def f(one, two):\n    return two\n"),
    "other attribute": (
        "class A:\n    def f(self):\n        self.x = 1\n        return self.y\n",
        "class A:\n    def f(self):\n        self.x = 1\n        return self.x\n",
    ),
    "other function": ("def f():\n    g()\ndef g(): pass\n", "def f():\n    f()\ndef g(): pass\n"),
    "shared default": (
        'def f(a, b=[]):\n    """Doc."""\n    return b\n',
        'def f(a, b=None):\n    """Doc."""\n    if b is None:\n        b = []\n    return b\n',
    ),
    "early return": (
        "def f(a):\n    return g(a)\n",
        "def f(a):\n    if not a:\n        return None\n    return g(a)\n",
    ),
}  # fmt: skip


NOTHING = Hints()


def texts(before, hints=NOTHING):
    source = Source(before)
    return {source.apply(item.edits) for item in mutations(source, hints)}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_mutation_is_offered(before, after):
    assert after in texts(before)


HINTED = {
    "caught": (
        Hints(exceptions=("KeyError",)),
        "try:\n    a()\nexcept ValueError:\n    pass\n",
        "try:\n    a()\nexcept (ValueError, KeyError):\n    pass\n",
    ),
    "refused": (
        Hints(wanted_error=("ValueError", "no such size")),
        "def f(n):\n    return n\n",
        "def f(n):\n    if n < 0:\n        raise ValueError('no such size')\n    return n\n",
    ),
    "wanted string": (Hints(literals=("'b'",)), "x = 'a'", "x = 'b'"),
    "wanted result": (
        Hints(literals=("0",)),
        "def f(n):\n\treturn g(n)\n",
        "def f(n):\n\tif not n:\n\t\treturn 0\n\treturn g(n)\n",
    ),
}


@pytest.mark.parametrize(("hints", "before", "after"), HINTED.values(), ids=HINTED)
def test_hint_opens_a_mutation(hints, before, after):
    assert after in texts(before, hints)
    assert after not in texts(before)


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
    wanted = before.replace("é < b", "é <= b")
    assert wanted in texts(before)


def test_line_ends_of_inserted_text_are_those_of_the_file():
    found = texts("def f(a):\r\n    return a\r\n")
    assert "def f(a):\r\n    if not a:\r\n        return None\r\n    return a\r\n" in found


def test_docstrings_and_annotations_are_left_alone():
    before = (
        '"""A text."""\n\n\ndef f(a: "int" = 1) -> "int":\n    """Another text."""\n    return a\n'
    )
    for text in texts(before):
        assert text.startswith('"""A text."""')
        assert '"""Another text."""' in text
        assert 'a: "int"' in text
        assert '-> "int"' in text


def test_edits_do_not_overlap_and_most_mutants_compile():
    source = Source(Path(shlex.__file__).read_text())
    found = list(mutations(source, Hints()))
    assert len(found) > 1500
    broken = 0
    for item in found[::7]:
        edits = sorted(item.edits)
        assert all(one.end <= two.start for one, two in pairwise(edits))
        assert 0 < item.prior <= 1
        try:
            ast.parse(source.apply(item.edits))
        except SyntaxError:
            broken += 1
    assert broken < len(found[::7]) / 20


def test_same_source_gives_the_same_mutations_in_the_same_order():
    before = "def f(a, b):\n    return [x for x in a if x < b.strip()]\n"
    assert list(mutations(Source(before), Hints())) == list(mutations(Source(before), Hints()))


def test_edits_apply_from_the_end():
    assert Source("abc").apply((Edit(0, 1, "xyz"), Edit(2, 3, ""))) == "xyzb"
