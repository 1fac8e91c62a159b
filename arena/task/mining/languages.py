"""The languages that can be mined: each is a module that has a `Kit`, and a line here."""

from collections.abc import Sequence

from arena.errors import InputError
from arena.records import File
from arena.task.mining import go_runner, node_runner, pytest_runner
from arena.task.mining.runner import LanguageKit

KITS = (pytest_runner.KIT, node_runner.KIT, go_runner.KIT)


def kit_of(tree: Sequence[File], where: str) -> LanguageKit:
    """The language of a repository: of those it has the files of, the one with the most code.

    Raises:
        InputError: none of ours.
    """
    top = {file.path for file in tree}
    present = [kit for kit in KITS if top.intersection(kit.manifests)] or list(KITS)
    counts = {
        kit.language: sum(file.path.endswith(kit.suffixes) for file in tree) for kit in present
    }
    best = max(present, key=lambda kit: counts[kit.language])
    if not counts[best.language]:
        raise InputError(
            f"no program text of {', '.join(kit.language for kit in KITS)}",
            where=where,
            remedy="see docs/tasks.md",
        )
    return best
