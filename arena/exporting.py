"""Exports tasks with the images that other people's harnesses run them in.

Their trees lie where the harness wants them and belong to root, as harnesses run as root.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from arena.records import Task
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images, exported_image
from arena.task import pack as packs
from arena.task.formats import exports
from arena.task.formats.predictions import instance_id, slug
from arena.task.formats.shell_tests import can_be_shown

Form = Literal["swebench", "harbor"]


@dataclass(frozen=True)
class Exported:
    """What an export wrote."""

    path: Path
    left_out: dict[str, str] = field(default_factory=dict)
    """Tasks that have no such form, and why."""


def export(tasks: Sequence[Task], to: Form, out: Path, engine: DockerEngine) -> Exported:
    """Write tasks in somebody's form.

    Args:
        tasks: what to export.
        to: whose form.
        out: a folder.
        engine: where the images are made.

    Raises:
        EngineError: an image could not be made.
    """
    reasons = {task.id: _reason(task) for task in tasks}
    chosen = [task for task in tasks if reasons[task.id] is None]
    images = Images(engine, packs.tree_files).ensure(chosen)
    workdir = exports.SWEBENCH_WORKDIR if to == "swebench" else exports.HARBOR_WORKDIR
    names = {
        task.id: exported_image(
            engine.connection,
            images[task.id],
            f"arena/{to}/{slug(instance_id(task))}",
            packs.tree_files(task),
            workdir,
        )
        for task in chosen
    }
    out.mkdir(parents=True, exist_ok=True)
    left_out = {task_id: reason for task_id, reason in reasons.items() if reason}
    if to == "harbor":
        for task in chosen:
            exports.write_harbor(out, task, names[task.id])
        return Exported(out, left_out)
    path = out / "instances.jsonl"
    exports.write_swebench(path, chosen, names)
    return Exported(path, left_out)


def _reason(task: Task) -> str | None:
    if task.impossible:
        return "an impossible control has no gold patch"
    return can_be_shown(task)
