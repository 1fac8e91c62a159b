import ast
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from arena.demo.baseline.probe import runs, search
from arena.demo.baseline.probe.mutate import apply, mutations
from arena.demo.baseline.probe.runs import isolated


def eat():
    return len(bytearray(1 << 31))


def leave_a_child():
    if os.fork() == 0:
        time.sleep(60)
    return "done"


@pytest.mark.parametrize(
    ("work", "value"),
    [
        (lambda: {"a": [1, "é"]}, {"a": [1, "é"]}),
        (lambda: "x" * 1_000_000, "x" * 1_000_000),
        (lambda: time.sleep(60), None),
        (lambda: sys.exit(3), None),
        (lambda: os._exit(3), None),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), None),
        (lambda: print("noise") or "quiet", "quiet"),
        (leave_a_child, "done"),
        (eat, None),
        (threading.Lock, None),
    ],
    ids=[
        "value",
        "large",
        "slow",
        "exit",
        "hard exit",
        "killed",
        "noise",
        "fork",
        "memory",
        "cannot be sent",
    ],
)
def test_isolated_work_takes_only_its_own_process_with_it(work, value, capfd, monkeypatch):
    # The limit counts what a fork inherits, and a test process can hold more than a probe does:
    # address space that was asked for, such as the stacks of its threads, whether used or not.
    status = Path("/proc/self/status").read_text()
    held_bytes = int(status.partition("VmData:")[2].split()[0]) << 10
    monkeypatch.setattr(runs, "MEMORY_BYTES", held_bytes + (1 << 29))
    assert isolated(work, 1.0 if value is None else 20.0) == value
    assert capfd.readouterr() == ("", "")


def test_isolated_work_leaves_no_process_behind():
    isolated(leave_a_child, 1.0)
    table = subprocess.run(["ps", "-o", "ppid=,comm="], capture_output=True, text=True, check=True)
    assert not [
        line
        for line in table.stdout.split("\n")
        if line.split()[:1] == [str(os.getpid())] and "python" in line
    ]


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


def state(report):
    return runs.examples(report, {}).state


def test_examples_of_a_report_share_names_and_compare_as_a_prompt_does():
    first, second = WRONG
    assert state(SESSION.replace(first, "").replace(second, "")) == "passed"
    assert state(SESSION.replace(first, "")) == "failed"
    assert state(SESSION.replace(second, "")) == "failed"
    assert state(SESSION) == "failed"


def test_what_an_example_gives_is_open_where_the_report_shows_nothing():
    assert state(">>> 1 + 1\n") == "passed"
    assert state(">>> 1 / 0\n") == "failed"


@pytest.mark.parametrize("report", ["", "It is broken.", "```\n$ pip install x\n```", ">>>1\n1"])
def test_a_report_without_a_session_has_no_example_that_fails(report):
    assert runs.examples(report, {}) == ("report", "passed", [])


def test_an_example_that_hangs_is_ended_and_the_next_runs(folder, monkeypatch):
    monkeypatch.setattr(runs, "EXAMPLE_S", 0.2)
    report = ">>> from traced_module import used\n>>> while True: pass\n>>> used(3)\n1\n"
    assert runs.examples(report, traced(folder)) == ("report", "failed", USED)


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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traced_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "traced_module", raising=False)
    return tmp_path


USED = [("traced_module.py", number) for number in (5, 6)]


def traced(folder):
    return {str(folder / "traced_module.py"): "traced_module.py"}


def test_only_lines_inside_functions_are_traced(folder):
    begun = ">>> from traced_module import used\n"
    assert runs.examples(begun, traced(folder)).lines == []
    found = runs.examples(f"{begun}>>> used(3)\n2\n>>> 1\n1\n", traced(folder))
    assert (found.state, found.lines) == ("failed", USED)


def test_tests_and_tooling_are_no_source(folder):
    for name in (
        "tests/a.py",
        "docs/b.py",
        "test_c.py",
        "conftest.py",
        "pkg/d.py",
        "pkg/e_test.py",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    (folder / "latin.py").write_bytes(b"# \xe9")
    assert search.sources() == {"pkg/d.py": "", "traced_module.py": CODE}


def lines(*numbers):
    return [("m.py", number) for number in numbers]


def chosen(scores, limit):
    return search.candidates({"m.py": CODE}, scores, limit)


def test_failing_lines_are_suspicious_and_passing_ones_less():
    found = search.suspicion([lines(5, 6, 11)], [lines(11), lines(11, 15)])
    assert found == {("m.py", 5): 1.0, ("m.py", 6): 1.0, ("m.py", 11): pytest.approx(3**-0.5)}


def test_what_each_failing_run_executes_is_most_suspicious():
    found = search.suspicion([lines(5), lines(5, 6)], [])
    assert found[("m.py", 5)] > found[("m.py", 6)]


def test_candidates_come_most_suspicious_first_and_each_once():
    found = chosen({("m.py", 5): 1.0, ("m.py", 6): 0.9, ("m.py", 11): 0.1}, 40)
    assert (found[0].first_line, found[0].operator) == (5, "comparison")
    assert {item.first_line for item in found} == {5, 6, 11}
    texts = [apply(CODE, item) for item in found]
    assert len(set(texts)) == len(texts)
    assert CODE not in texts
    for text in texts:
        compile(text, "m.py", "exec")


def test_a_file_that_is_no_python_has_no_candidates():
    assert search.candidates({"m.py": "def f(:\n    return (1\n"}, {("m.py", 2): 1.0}, 9) == []


def test_a_smaller_budget_is_the_beginning_of_a_larger_one():
    scores = {("m.py", 5): 1.0, ("m.py", 6): 0.9, ("m.py", 11): 0.1}
    large = chosen(scores, 10)
    assert len(large) == 10
    assert chosen(scores, 4) == large[:4]


def test_a_search_whose_time_is_over_says_so_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "PLAN", tmp_path / "plan.json")
    (change, *_) = mutations("m.py", "x = 1 < 2\n")
    begun = search.SearchPlan("", ["t.py::t"], [], [change], 0, until_s=0.0)
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
