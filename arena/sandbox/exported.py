"""Images for other people's harnesses: a task's image with its tree where they look for it."""

from collections.abc import Sequence

from arena.records import File, digest_of
from arena.sandbox import archive, builder, files, store
from arena.sandbox.commit import git_folder
from arena.sandbox.docker import Connection
from arena.sandbox.image import TaskImage


def exported_image(
    connection: Connection, below: TaskImage, name: str, tree: Sequence[File], workdir: str
) -> str:
    """Make an image that holds a tree as one commit of root's at `workdir`; its name.

    It is one of ours, so that it can be listed and pruned.

    Args:
        connection: the engine.
        below: the task's image, which brings the language and the packages.
        name: repository of the result.
        tree: the task's tree.
        workdir: where it goes.
    """
    recipe = digest_of([below.content, workdir])
    tagged = f"{name}:{recipe[:12]}"
    if store.Store(connection).find(recipe):
        return tagged
    placed = [
        file.model_copy(update={"path": f"{workdir}/{file.path}"})
        for file in (*tree, *git_folder(tree))
    ]
    _, tar = archive.pack(placed, owner=0)
    marks = store.labels("task", name, recipe, base=below.base)
    with builder.container(connection, below.id) as ident:
        files.write(connection, ident, "/", tar)
        builder.commit(connection, ident, name, recipe[:12], marks, workdir)
    return tagged
