"""Tests that do not always end the same way: kept in `flaky.toml` beside the tasks of a pack.

A quarantined test decides nothing: it is taken out of its task's plan wherever the task is read.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from arena.errors import InputError
from arena.records import Task
from arena.serialize import read_toml, to_toml, wrong_shape

FILE = "flaky.toml"

Flaky = dict[str, dict[str, str]]
"""Name of a task, to the ids of its unstable tests and what was seen of each."""

_HEAD = (
    "# Tests that did not always end the same way. They decide nothing until they are mended and\n"
    "# taken out of this file. Written by `arena tasks check`.\n"
)
_FLAKY: TypeAdapter[Flaky] = TypeAdapter(Flaky)


def read(pack: Path) -> Flaky:
    """What is quarantined in a pack; nothing where there is no such file.

    Raises:
        InputError: the file is not one table of texts a task.
    """
    path = pack / FILE
    if not path.is_file():
        return {}
    try:
        return _FLAKY.validate_python(read_toml(path))
    except ValidationError as error:
        raise wrong_shape(path, error) from error


def add(pack: Path, found: Mapping[str, Mapping[str, str]]) -> None:
    """Put more tests into a pack's quarantine, by name of the task, with the reason."""
    known = read(pack)
    for name, reasons in found.items():
        known[name] = {**known.get(name, {}), **reasons}
    text = to_toml({name: known[name] for name in sorted(known)})
    (pack / FILE).write_text(f"{_HEAD}\n{text}", encoding="utf-8")


def without_flaky(task: Task) -> Task:
    """The task with a plan that holds none of its quarantined tests.

    Raises:
        InputError: nothing that fails before the fix is left.
    """
    flaky = read(task.root.parent).get(task.root.name, {})
    if not flaky:
        return task
    plan = task.tests
    kept = {
        key: tuple(i for i in getattr(plan, key) if i not in flaky)
        for key in ("fail_to_pass", "pass_to_pass", "must_fail")
    }
    if not kept["fail_to_pass"]:
        raise InputError(
            "every test that should fail before the fix is quarantined",
            where=f"{task.root.parent / FILE}: {task.root.name}",
            remedy="mend the tests and take them out of the file, or delete the task",
        )
    gone = tuple(i for i in (*plan.fail_to_pass, *plan.pass_to_pass, *plan.must_fail) if i in flaky)
    return task.model_copy(update={"tests": plan.model_copy(update=kept), "quarantined": gone})
