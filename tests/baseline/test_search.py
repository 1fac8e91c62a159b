import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena.baseline.probe import goals, isolate
from arena.baseline.probe.examples import Example, Outcome, run, satisfied
from arena.baseline.probe.isolate import isolated
from arena.baseline.probe.rank import candidates
from arena.baseline.probe.source import Hints, Source
from arena.baseline.probe.suspicion import Evidence, by_file

TRACEBACK = "Traceback (most recent call last):\n  ...\nValueError: bad\n"


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
        (object, None),
    ],
    ids=[
        "json",
        "large",
        "slow",
        "exit",
        "hard exit",
        "killed",
        "noise",
        "fork",
        "memory",
        "no json",
    ],
)
def test_isolated_work_takes_only_its_own_process_with_it(work, value, capfd, monkeypatch):
    # The limit counts what a fork inherits, and a test process can hold more than a probe does:
    # address space that was asked for, such as the stacks of its threads, whether used or not.
    status = Path("/proc/self/status").read_text()
    held_bytes = int(status.partition("VmData:")[2].split()[0]) << 10
    monkeypatch.setattr(isolate, "MEMORY_BYTES", held_bytes + (1 << 29))
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


def example(source, want=None, *, wishes=(), block=0):
    return Example(source + "\n", want, wishes, block)


def found(*shown):
    return goals.find(list(shown), list(run(list(shown))))


def test_examples_share_names_and_are_printed_like_at_a_prompt():
    shown = [example("a = 2"), example("a + 1"), example("print(a)"), example("a.x"), example("(")]
    outcomes = list(run(shown))
    assert [item.text for item in outcomes] == ["", "3\n", "2\n", "", ""]
    assert [item.error for item in outcomes] == ["", "", "", "AttributeError", "SyntaxError"]


def test_an_example_that_hangs_is_ended_and_the_next_runs():
    outcomes = list(run([example("while True: pass"), example("1")], timeout_s=0.2))
    assert [item.error for item in outcomes] == ["HangError", ""]
    assert outcomes[1].text == "1\n"


@pytest.mark.parametrize(
    ("goal", "text", "error", "yes"),
    [
        ("3\n", "3\n", "", True),
        ("3\n", "4\n", "", False),
        ("{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}\n", "", True),
        ("1", "True\n", "", False),
        ("a ... z", "a b z\n", "", True),
        ('"x"', "'x'\n", "", True),
        ("3", "", "ValueError", False),
        ("", "anything\n", "", True),
        ("", "", "ValueError", False),
        (TRACEBACK, "", "ValueError", True),
        (TRACEBACK, "", "KeyError", False),
        (TRACEBACK, "3\n", "", False),
        (TRACEBACK.replace("bad", "other"), "", "ValueError", False),
        (TRACEBACK.replace("ValueError: bad", "pkg.errors.ValueError"), "", "ValueError", True),
    ],
)
def test_goals_compare_as_a_reader_would(goal, text, error, yes):
    assert satisfied(goal, Outcome(text, error, "bad", 0.0, [], [])) is yes


def test_what_fails_is_a_target_and_what_holds_beside_it_is_kept():
    wanted = found(example("1 + 1", "3"), example("1 + 2", "3"))
    assert wanted == goals.Goals({0: "3"}, {1: "3"})


def test_a_block_that_shows_the_fault_is_not_kept():
    wanted = found(
        example("1 + 1", "2", block=1), example("1 + 1", "3", block=2), example("5", "5", block=3)
    )
    assert wanted == goals.Goals({1: "3"}, {})


def test_a_wish_goes_before_what_is_shown():
    assert found(example("1 + 1", "2", wishes=("2", "3"))).targets == {0: "3"}


def test_a_shown_crash_must_go_away():
    crash = "Traceback (most recent call last):\nZeroDivisionError: division by zero\n"
    assert found(example("1 / 0", crash)).targets == {0: ""}


def test_a_statement_that_shows_nothing_must_not_raise():
    assert found(example("assert 1 == 2"), example("x = 1")).targets == {0: ""}


def test_names_from_elsewhere_are_no_target():
    assert (
        found(example("their_helper(1)", "2"), example("import not_installed_here")).targets == {}
    )


def test_hints_are_read_off_the_targets():
    shown = [example("1 / 0", "0"), example("'a'", TRACEBACK)]
    outcomes = list(run(shown))
    assert goals.hints(goals.find(shown, outcomes), outcomes) == Hints(
        ("ZeroDivisionError",), ("ValueError", "bad"), ("0",)
    )


def test_missing_imports_are_found_at_the_front_of_the_package():
    sources = {
        "src/shop/__init__.py": Source("from .cart import Cart\n"),
        "src/shop/cart.py": Source("class Cart: ...\ndef tax(): ...\n"),
    }
    shown = [example("c = Cart()"), example("tax(c); len([n for n in c])")]
    assert [item.source for item in goals.missing_imports(shown, sources)] == [
        "from shop import Cart",
        "from shop.cart import tax",
    ]


CODE = """\
LIMIT = 10
OTHER = 20


def used(a):
    if a < LIMIT:
        return 1
    return 2


def healthy(a):
    return a + 1


def idle(a):
    return a - 1
"""


def evidence(failing, passing=(), frames=(), names=()):
    lines = [[("m.py", line) for line in run] for run in failing]
    return Evidence(lines, [[] for _ in lines], [[("m.py", line) for line in run] for run in passing],
                    [("m.py", line) for line in frames], frozenset(names))  # fmt: skip


def scores(*arguments, **keywords):
    return by_file({"m.py": Source(CODE)}, evidence(*arguments, **keywords))["m.py"]


def test_failing_lines_are_suspicious_and_passing_ones_less():
    found = scores([[6, 7, 12]], [[12], [12]])
    assert found[6] == found[7] > found[12] > found[8] > 0
    assert 16 not in found


def test_what_a_suspicious_function_reads_is_suspicious_too():
    found = scores([[1, 2, 6, 7]])
    assert found[1] > 0
    assert 2 not in found


def test_names_in_the_report_and_places_in_the_traceback_weigh_more():
    assert scores([[6, 12]], names=["healthy"])[12] > scores([[6, 12]])[12]
    assert scores([[6, 12]], frames=[12])[12] > scores([[6, 12]])[12]


def test_candidates_come_most_suspicious_first_and_each_once():
    sources = {"m.py": Source(CODE)}
    chosen = candidates(sources, evidence([[6, 7]]), Hints(), 40)
    assert (chosen[0].line, chosen[0].operator) == (6, "comparison")
    texts = [sources["m.py"].apply(item.edits) for item in chosen]
    assert len(set(texts)) == len(texts) == 40
    assert CODE not in texts
    for text in texts:
        compile(text, "m.py", "exec")


def test_a_smaller_budget_is_the_beginning_of_a_larger_one():
    sources = {"m.py": Source(CODE)}
    large = candidates(sources, evidence([[6, 7]]), Hints(), 40)
    assert candidates(sources, evidence([[6, 7]]), Hints(), 5) == large[:5]
