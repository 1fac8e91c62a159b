"""A task's gold patch in the forms in which different agents write changes."""

from pathlib import Path

from arena.task import pack


def gold(task_id):
    task = next(iter(pack.load(task_id, base=Path())))
    patch = pack.gold_patch(task)
    assert patch is not None
    return patch


def gold_blocks(task_id):
    """Paths that change, and the patch as search/replace blocks, one a hunk."""
    paths, blocks = [], []
    for part in gold(task_id).split("diff --git ")[1:]:
        head, *hunks = part.split("\n@@ ")
        path = next(line[6:] for line in head.splitlines() if line.startswith("+++ b/"))
        paths.append(path)
        for hunk in hunks:
            lines = hunk.splitlines()[1:]
            search = "".join(f"{line[1:]}\n" for line in lines if line[:1] in {" ", "-", ""})
            replace = "".join(f"{line[1:]}\n" for line in lines if line[:1] in {" ", "+", ""})
            blocks.append(
                f"{path}\n```\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n```\n"
            )
    return paths, "\n".join(blocks)
