"""The ids of a test plan: their form, the files they name, and those that are quarantined.

A quarantined test decides nothing: it is taken out of its task's plan wherever the task is read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from arena.errors import InputError
from arena.paths import SafePath
from arena.records import File, Task, TestPlan
from arena.serialize import read_record, to_toml

_SHAPES = {
    "pytest": (re.compile(r"[^:]+\.py(::[^:\[]+)+(\[.*\])?", re.DOTALL), "tests/test_x.py::test_y"),
    "node": (re.compile(r"[^:]+::.+", re.DOTALL), "test/x.test.js::name"),
    "go": (re.compile(r"[^:]+:Test\w*"), "<package folder>:TestName"),
    "junit": (re.compile(r".*::.+", re.DOTALL), "<classname>::<name>"),
}


def check_ids(plan: TestPlan, laid: set[str], twins: set[str], where: Path) -> None:
    """Raise `InputError` for an id of the wrong form, or whose file exists nowhere: neither in the
    tree with the hidden tests over it, nor for `must_fail` among the twins.
    """
    for key, given, what, runners in (
        ("command", plan.command, "a command", ("junit", "command", "script")),
        ("report", plan.report, "a form of report", ("command",)),
    ):
        if (plan.runner in runners) != bool(given):
            raise InputError(
                f"{what} belongs to runner {' or '.join(map(repr, runners))}, and to no other",
                where=f"{where}: tests.{key}",
                remedy="name it, or another runner",
            )
    for key, ids, files in (
        ("fail_to_pass", plan.fail_to_pass, laid),
        ("pass_to_pass", plan.pass_to_pass, laid),
        ("must_fail", plan.must_fail, twins),
    ):
        for test_id in ids:
            _check_id(plan.runner, test_id, files, f"{where}: tests.{key}")


def by_place(test_ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids grouped by the file (for Go: the folder) that they stand in, in their order."""
    groups: dict[str, list[str]] = {}
    for test_id in test_ids:
        groups.setdefault(test_id.partition(":")[0], []).append(test_id)
    return groups


def visible_ids(plan: TestPlan, tree: Sequence[File], hidden: Sequence[File]) -> list[str]:
    """The deciding tests that stand in the tree as it is shown, unchanged by a hidden file."""
    shown = {file.path: file.data for file in tree}
    changed = {file.path for file in hidden if shown.get(file.path) != file.data}

    def holds(place: str, paths: Iterable[str]) -> bool:
        return any(path == place or path.startswith(f"{place}/") for path in paths)

    return [
        test_id
        for place, ids in by_place((*plan.fail_to_pass, *plan.pass_to_pass)).items()
        if holds(place, shown) and not holds(place, changed)
        for test_id in ids
    ]


def check_cases(plan: TestPlan, cases: Sequence[str], where: Path) -> None:
    """Refuse a black-box plan that does not name every case exactly once."""
    if sorted(cases) != sorted((*plan.fail_to_pass, *plan.pass_to_pass)):
        raise InputError(
            "fail_to_pass and pass_to_pass are not exactly the cases of blackbox.json",
            where=f"{where}: tests",
            remedy="name every case once, in one of the two lists",
        )
    if plan.must_fail:
        raise InputError(
            "a black-box task has no twins", where=f"{where}: tests.must_fail", remedy="drop it"
        )


def _check_id(runner: str, test_id: str, files: set[str], where: str) -> None:
    if runner not in _SHAPES:  # what its ids look like is its own affair
        return
    shape, example = _SHAPES[runner]
    if not shape.fullmatch(test_id):
        what = f"{test_id!r} is not an id of runner {runner!r}"
        raise InputError(what, where=where, remedy=f"write it as {example}")
    place = test_id.partition(":")[0]
    if runner == "go":
        files = {file.rpartition("/")[0] or "." for file in files if file.endswith("_test.go")}
    if runner != "junit" and place not in files:
        raise InputError(
            f"{test_id!r} names {place!r}, where no test file is",
            where=where,
            remedy="add the file under tests/ (twin/ for must_fail) or correct the id",
        )


FILE = "flaky.toml"

Flaky = dict[str, dict[str, str]]
"""Name of a task, to the ids of its unstable tests and what was seen of each."""

_HEAD = (
    "# Tests that did not always end the same way. They decide nothing until they are mended and\n"
    "# taken out of this file. Written by `arena tasks check`.\n"
)


def read(pack: Path) -> Flaky:
    """What is quarantined in a pack. Raises `InputError` for a file of another form."""
    path = SafePath(pack) / FILE
    return read_record(path, Flaky) if path.is_file() else {}


def add(pack: Path, found: Mapping[str, Mapping[str, str]]) -> None:
    """Put more tests into a pack's quarantine, by name of the task, with the reason."""
    known = read(pack)
    for name, reasons in found.items():
        known[name] = {**known.get(name, {}), **reasons}
    text = to_toml({name: known[name] for name in sorted(known)})
    (SafePath(pack) / FILE).write(f"{_HEAD}\n{text}")


def without_flaky(task: Task) -> Task:
    """The task less its quarantined tests. Raises `InputError` where they are all that fail."""
    flaky = read(task.root.parent).get(task.root.name, {})
    if not flaky:
        return task
    plan = task.tests
    ids = {key: getattr(plan, key) for key in ("fail_to_pass", "pass_to_pass", "must_fail")}
    kept = {key: tuple(i for i in given if i not in flaky) for key, given in ids.items()}
    if not kept["fail_to_pass"]:
        raise InputError(
            "every test that should fail before the fix is quarantined",
            where=f"{task.root.parent / FILE}: {task.root.name}",
            remedy="mend the tests and take them out of the file, or delete the task",
        )
    gone = tuple(i for given in ids.values() for i in given if i in flaky)
    return task.model_copy(update={"tests": plan.model_copy(update=kept), "quarantined": gone})
