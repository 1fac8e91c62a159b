"""Makes one image: the base system, a language on it, or a task's tree on that."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from arena.records import File, digest_of
from arena.sandbox import archive, builder, files, host, store
from arena.sandbox.base import bootstrap, pull
from arena.sandbox.builder import Say
from arena.sandbox.commit import git_folder
from arena.sandbox.docker import Connection
from arena.sandbox.owner import LABEL_OWNER, Owner
from arena.sandbox.reaper import remove_image
from arena.sandbox.recipe import BaseRecipe, LanguageRecipe
from arena.sandbox.store import Image

_PACKAGES = "/var/lib/dpkg/status"
_PACKAGES_LIMIT = 64 << 20


def base(connection: Connection, recipe: BaseRecipe, sandboxes: Path, say: Say) -> None:
    """Make and tag the base image. Raises `InputError` when this machine cannot."""
    repository, tag = store.tag("base", "debian", recipe.digest)
    marks = store.labels("base", "debian", recipe.digest, base=recipe.source)
    if recipe.mode == "pull":
        source = pull(connection, recipe.source, say)
        context = [File(path="Dockerfile", data=f"FROM {source}\n".encode())]
        builder.dockerfile(connection, context, f"{repository}:{tag}", marks, {}, say)
        return
    changes = [f'LABEL {key}="{value}"' for key, value in marks.items()]
    with connection.guard():
        connection.raw.import_image_from_stream(
            bootstrap(sandboxes / "engine" / "base.sh", say),
            repository=repository,
            tag=tag,
            changes=[*changes, 'CMD ["/bin/sh"]'],
        )


def language(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> None:
    """Build and tag a language image, marked with what is installed in it."""
    repository, tag = store.tag("language", recipe.name, recipe.digest)
    with (
        _built(connection, recipe, below, say) as built,
        builder.container(connection, built) as ident,
    ):
        listing = files.read(connection, ident, _PACKAGES, limit=_PACKAGES_LIMIT)
        content = digest_of([recipe.digest, *packages(listing.data)])
        marks = store.labels(
            "language",
            recipe.name,
            recipe.digest,
            content=content,
            parent=below.recipe,
            base=below.base,
        )
        builder.commit(connection, ident, repository, tag, marks, recipe.spec.workdir)


@contextmanager
def _built(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> Iterator[str]:
    """What the Dockerfile makes, with nothing of the machine's own settings left in it.

    Where the machine has settings, they lie on the base while the Dockerfile runs, and the result
    is flattened without them.
    """
    name = ":".join(store.tag("language", recipe.name, recipe.digest))
    base_name = ":".join(store.tag(below.kind, below.name, below.recipe))
    scratch = [f"{name}-built"]
    settings = host.settings()
    try:
        if settings:
            say("with this machine's package mirror and certificate settings")
            scratch = [f"{name}-flat", f"{name}-built", f"{name}-settings"]
            _lay(connection, below, settings, scratch[-1])
            base_name = scratch[-1]
        arguments = {"BASE": base_name}
        builder.dockerfile(connection, recipe.files, f"{name}-built", _unfinished(), arguments, say)
        if settings:
            say("leaving the machine's settings out")
            builder.flatten(connection, f"{name}-built", scratch[0], host.is_ours)
        yield scratch[0]
    finally:
        for image in scratch:
            remove_image(connection, image)


def _lay(connection: Connection, below: Image, settings: Sequence[File], name: str) -> None:
    repository, _, tag = name.rpartition(":")
    root, tar = archive.pack(settings, owner=0)
    with connection.guard():
        workdir = connection.raw.inspect_image(below.id)["Config"].get("WorkingDir") or "/"
    with builder.container(connection, below.id) as ident:
        files.write(connection, ident, root, tar)
        builder.commit(
            connection, ident, repository, tag, {LABEL_OWNER: Owner.current().label()}, workdir
        )


def _unfinished() -> dict[str, str]:
    """Marks an image that is removed when this process is done with it, or dead."""
    return {LABEL_OWNER: Owner.current().label()}


def task(
    connection: Connection,
    name: str,
    recipe: str,
    tree: Sequence[File],
    below: Image,
    workdir: str,
) -> None:
    """Lay a task's tree on a language image as one commit; nothing of the task is run."""
    placed = [
        file.model_copy(update={"path": f"{workdir}/{file.path}"})
        for file in (*tree, *git_folder(tree))
    ]
    _, tar = archive.pack(placed, owner=archive.TREE_OWNER)
    repository, tag = store.tag("task", name.lower(), recipe)
    marks = store.labels(
        "task",
        name,
        recipe,
        content=digest_of([recipe, below.content]),
        parent=below.recipe,
        base=below.base,
    )
    with builder.container(connection, below.id) as ident:
        files.write(connection, ident, "/", tar)
        builder.commit(connection, ident, repository, tag, marks, workdir)


def packages(status: bytes) -> list[str]:
    """Name, version and architecture of each installed package, from dpkg's own record."""
    found = []
    for block in status.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:40])
        if "Package" in fields:
            found.append(
                f"{fields['Package']} {fields.get('Version')} {fields.get('Architecture')}"
            )
    return sorted(found)
