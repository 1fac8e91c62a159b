import ast
import sys
import time
from pathlib import Path

import pytest

from arena.demo.probe import runs, search
from arena.demo.probe.runs import isolated
from arena.demo.probe.search import apply, mutations


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("json.loads('[1, \"é\"]')", [1, "é"]),
        ("json.loads('[' + '0,' * 500_000 + '1]')", [0] * 500_000 + [1]),
        ("signal.pause()", None),
        ("sys.exit(3)", None),
        ("os._exit(3)", None),
        ("os.kill(os.getpid(), 9)", None),
        ("io.StringIO(str(print('noise'))).read()", "None"),
        ("os.write(1, b'noise')", 5),
        ("io.BytesIO(b' ' * (1 << 31)).tell()", None),
        ("io.StringIO()", None),
    ],
    ids=[
        "json",
        "large",
        "slow",
        "exit",
        "hard exit",
        "killed",
        "noise",
        "noise below",
        "memory",
        "no json",
    ],
)
def test_isolated_work_takes_only_its_own_process_with_it(call, value, capfd):
    assert isolated(call, 3.0 if call == "signal.pause()" else 20.0) == value
    assert capfd.readouterr() == ("", "")


def is_running(process):
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_isolated_work_leaves_no_process_behind():
    child = isolated("os.fork() or signal.pause()", 20.0)
    assert child > 0
    for _ in range(100):
        if not is_running(child):
            return
        time.sleep(0.05)
    raise AssertionError("it runs on")


SESSION = """\
It fails:

```python
>>> a = 2
>>> a + 1
3
>>> print(a)
4
```

and, what is worse,

    >>> a.x
    5
    >>> 1 / 0
    Traceback (most recent call last):
      ...
    ZeroDivisionError: division by zero
"""
WRONG = (">>> print(a)\n4\n", "    >>> a.x\n    5\n")


def holds(report):
    return runs.examples(report)[0]


def test_examples_of_a_report_share_names_and_compare_as_a_prompt_does():
    first, second = WRONG
    assert holds(SESSION.replace(first, "").replace(second, ""))
    assert not holds(SESSION.replace(first, ""))
    assert not holds(SESSION.replace(second, ""))
    assert not holds(SESSION)


def test_a_report_may_be_long_and_hold_anything():
    assert holds("é \ud800 " * 50_000 + "\n>>> 1 + 1\n2\n")


def test_what_an_example_gives_is_open_where_the_report_shows_nothing():
    assert holds(">>> 1 + 1\n")
    assert not holds(">>> 1 / 0\n")


@pytest.mark.parametrize("report", ["", "It is broken.", "```\n$ pip install x\n```", ">>>1\n1"])
def test_a_report_without_a_session_has_no_example_that_fails(report):
    assert runs.examples(report) == (True, set())


def test_an_example_that_hangs_is_ended_and_the_next_runs(folder):
    report = ">>> from traced_module import used\n>>> while True: pass\n>>> used(3)\n1\n"
    assert runs.examples(report) == (False, USED)


def test_an_example_that_ends_the_process_tells_nothing():
    assert runs.examples(">>> import os; os._exit(0)\n") is None


CODE = """\
LIMIT = 10


def used(a):
    if a < LIMIT:
        return 1
    return 2


def healthy(a):
    return a + 1


def idle(a):
    return a - 1
"""


USED = {("traced_module.py", number) for number in (5, 6)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traced_module.py").write_text(CODE)
    return tmp_path


def test_only_lines_inside_functions_are_traced(folder):
    begun = ">>> from traced_module import used\n"
    assert runs.examples(begun) == (True, set())
    assert runs.examples(f"{begun}>>> used(3)\n2\n>>> 1\n1\n") == (False, USED)


def test_tests_that_fail_are_known_by_name(folder):
    test = folder / "test_it.py"
    test.write_text("def test_a(): pass\ndef test_b(): assert 0\n")
    assert runs.failing_tests() == {"test_it.py::test_b"}
    test.write_text("def test_a(): pass\n")
    assert runs.failing_tests() == set()


@pytest.mark.parametrize(
    "text", ["import nowhere", "import os; os._exit(0)", "", "import pytest; pytest.exit('no')"]
)
def test_tests_that_cannot_all_run_tell_nothing(folder, text):
    (folder / "test_it.py").write_text(f"{text}\n")
    assert runs.failing_tests() is None


@pytest.mark.parametrize(
    ("path", "is_source"),
    [
        ("pkg/d.py", True),
        ("a.py", True),
        ("a.txt", False),
        ("tests/a.py", False),
        ("docs/b.py", False),
        ("test_c.py", False),
        ("conftest.py", False),
        ("pkg/e_test.py", False),
    ],
)
def test_tests_and_tooling_are_no_source(path, is_source):
    assert search.is_source(Path(path)) is is_source


def lines(*numbers):
    return {("m.py", number) for number in numbers}


def chosen(folder, numbers, limit, text=CODE):
    (folder / "m.py").write_text(text)
    return search.candidates(lines(*numbers), limit)


def test_candidates_are_of_lines_that_ran_the_likeliest_first_and_each_once(folder):
    found = chosen(folder, [5, 6, 11], 40)
    assert (found[0].first_line, found[0].operator) == (5, "comparison")
    assert {item.first_line for item in found} == {5, 6, 11}
    texts = [apply(CODE, item) for item in found]
    assert len(set(texts)) == len(texts)
    assert CODE not in texts
    for text in texts:
        compile(text, "m.py", "exec")


@pytest.mark.parametrize("text", ["def f(:\n    return (1\n", "x = '\ud800'"])
def test_a_file_that_is_no_python_has_no_candidates(folder, text):
    (folder / "m.py").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert search.candidates(lines(1, 2), 9) == []


def test_a_smaller_budget_is_the_beginning_of_a_larger_one(folder):
    large = chosen(folder, [5, 6, 11], 10)
    assert len(large) == 10
    assert chosen(folder, [5, 6, 11], 4) == large[:4]


def test_a_search_whose_time_is_over_says_so_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "PLAN", tmp_path / "plan.json")
    (change, *_) = mutations("m.py", "x = 1 < 2\n")
    begun = search.SearchPlan(set(), [change], 0, until_s=0.0)
    begun.save()
    assert search.go_on(tmp_path) == ("0 tried, none works in time.", True)
    begun._replace(candidates=[], until_s=float("inf")).save()
    assert search.go_on(tmp_path) == ("0 tried, none works.", True)


def test_the_search_stands_on_its_own():
    """It is carried into the sandbox as it is, where nothing of this package is."""
    for path in Path(search.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "pytest"}, (path, name)
