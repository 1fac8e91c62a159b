"""Task packs on their way to a node, and how both ends know that they hold the same.

A node keeps what it was sent in a folder that goes with it, and refuses tasks of another digest.
"""

import hashlib
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from arena import resources
from arena.errors import InputError
from arena.records import File, Task
from arena.task import pack, quarantine
from arena.task.tree import is_cache, read_tree

PACKAGE = Path(__file__).parent.parent


def packed(tasks: Sequence[Task]) -> list[bytes]:
    """The tasks with what their packs say of them, one shipment a pack."""
    packs: dict[Path, list[Task]] = {}
    for task in tasks:
        packs.setdefault(task.root.parent, []).append(task)
    return [pickle.dumps(_files(folder, inside)) for folder, inside in packs.items()]


def _files(folder: Path, tasks: Iterable[Task]) -> list[File]:
    files = [
        File(path=name, data=(folder / name).read_bytes())
        for name in ("pack.toml", quarantine.FILE)
        if (folder / name).is_file()
    ]
    for name in ("images", *(task.root.name for task in tasks)):
        files += [
            file.model_copy(update={"path": f"{name}/{file.path}"})
            for file in read_tree(folder / name)
        ]
    return files


def unpacked(shipments: Iterable[bytes], folder: Path, digests: Mapping[str, str]) -> list[Task]:
    """The tasks of some shipments, written to a folder.

    Raises:
        InputError: a task has another digest than the run's, or is missing.
    """
    tasks: dict[str, Task] = {}
    for number, shipment in enumerate(shipments):
        root = folder / str(number)
        for file in pickle.loads(shipment):  # noqa: S301 - from our own driver
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            path.chmod(file.mode)
        for path in root.glob("*/task.toml"):
            tasks |= {task.id: task for task in pack.load(str(path.parent), base=root)}
    other = sorted(n for n, one in digests.items() if n not in tasks or tasks[n].digest != one)
    if other:
        raise InputError(
            f"another digest than the run's: task {', '.join(other)}",
            remedy="install the same version of Arena on every node",
        )
    return [tasks[name] for name in digests]


def source_digest() -> str:
    """Of everything that Arena itself consists of on this machine."""
    found = hashlib.sha256()
    for root in (PACKAGE, resources.sandboxes_dir()):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not is_cache(name) and not name.startswith("_data/"):
                found.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
