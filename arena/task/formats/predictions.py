"""Predictions: anybody's patches, in the five shapes the field writes them, and our own of them.

A JSON list or JSON Lines of `{instance_id, model_name_or_path, model_patch}`, the same with
`patch`, a JSON object keyed by the instance, and Multi-SWE-bench's `{org, repo, number,
fix_patch}`. Unknown keys are passed over.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.records import Record, Task
from arena.serialize import lines_writer
from arena.task.formats.instances import read_json_rows

UNNAMED = "predictions"
"""The contestant whose patches come without a name."""

_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of surrogate pairs that Python's `surrogateescape` writes for no byte."""


class Prediction(Record):
    """One patch for one instance."""

    instance_id: str
    model: str = UNNAMED
    """`model_name_or_path`: whose patch it is."""
    patch: str = ""
    """Empty where there is none."""


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """The predictions of a file, in its order.

    Raises:
        InputError: not one of the shapes, or two patches of one model for one instance.
    """
    found: dict[tuple[str, str], Prediction] = {}
    for row, where in _rows(path):
        one = _prediction(row, where)
        if found.setdefault((one.instance_id, one.model), one) is not one:
            raise InputError(
                f"two patches of {one.model!r} for {one.instance_id!r}",
                where=str(path),
                remedy="keep one of them, or give them different model_name_or_path",
            )
    if not found:
        raise InputError("it holds no predictions", where=str(path), remedy="give another file")
    return tuple(found.values())


def write_predictions(predictions: Iterable[Prediction]) -> str:
    """Predictions as JSON Lines in SWE-bench's shape."""
    written = io.StringIO()
    lines_writer(written).write_all(
        {"instance_id": one.instance_id, "model_name_or_path": one.model, "model_patch": one.patch}
        for one in predictions
    )
    return written.getvalue()


# ── which task a prediction is for ─────────────────────────────────────────────────────────────


def instance_id(task: Task | Any) -> str:
    """What a task is called outside: its id in its suite, else `<pack>__<name>`."""
    own: str | None = task.instance_id
    return own or str(task.id).replace("/", "__")


def slug(name: str) -> str:
    """An id as lower-case words joined with `-`: how ids of different spelling are compared."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def match(predictions: Sequence[Prediction], tasks: Sequence[Task]) -> dict[str, Task]:
    """The task of each instance id that any task answers to.

    A task answers to its id, its name, its id in its suite, and `<pack>__<name>`.

    Raises:
        InputError: an id that several tasks answer to.
    """
    known: dict[str, dict[str, Task]] = {}
    for task in tasks:
        for name in (task.id, task.root.name, instance_id(task)):
            known.setdefault(slug(name), {})[task.id] = task
    found: dict[str, Task] = {}
    for wanted in dict.fromkeys(one.instance_id for one in predictions):
        answering = known.get(slug(wanted), {})
        if len(answering) > 1:
            raise InputError(
                f"several tasks answer to {wanted!r}: {', '.join(sorted(answering))}",
                remedy="name fewer packs, or write <pack>/<task> into the predictions",
            )
        for task in answering.values():
            found[wanted] = task
    return found


# ── one row ────────────────────────────────────────────────────────────────────────────────────


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for value, where in read_json_rows(path):
        if isinstance(value, dict) and not _is_row(value):
            for key, inner in value.items():
                row = inner if isinstance(inner, dict) else {"model_patch": inner}
                yield {"instance_id": key, **row}, f"{where}: {key!r}"
        elif isinstance(value, dict):
            yield value, where
        else:
            raise InputError("not a prediction", where=where, remedy="write a JSON object")


def _is_row(value: dict[str, Any]) -> bool:
    """One prediction, not an object of many."""
    named = "instance_id" in value or {"org", "repo", "number"} <= value.keys()
    return named and not all(isinstance(inner, dict) for inner in value.values())


def _prediction(row: dict[str, Any], where: str) -> Prediction:
    patches = [row[key] for key in ("model_patch", "patch", "fix_patch") if key in row]
    if not patches:
        remedy = "give one of model_patch, patch, fix_patch"
        raise InputError("no patch in it", where=where, remedy=remedy)
    patch = patches[0]
    name = row.get("instance_id")
    if name is None and {"org", "repo", "number"} <= row.keys():
        name = f"{row['org']}__{row['repo']}-{row['number']}"
    if not isinstance(name, str) or not isinstance(patch, str | None):
        raise InputError("instance_id and patch must be text", where=where, remedy="mend the row")
    model = row.get("model_name_or_path") or UNNAMED
    patch = _NO_BYTES.sub("\N{REPLACEMENT CHARACTER}", patch or "")
    return Prediction(instance_id=name, model=str(model), patch=patch)
