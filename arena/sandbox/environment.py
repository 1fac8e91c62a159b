"""A pack's own image: a language image with the packages that its repositories need.

images/<name>/
    sandbox.toml       language, description, base = "python"
    requirements.txt   exact versions, one a line
    site/              more files for Python's library folder, such as a project's metadata
"""

import hashlib

from pydantic import JsonValue

from arena.records import File, digest_of
from arena.sandbox import archive, builder, files, store, wheels
from arena.sandbox.builder import Say
from arena.sandbox.docker import Connection
from arena.sandbox.recipe import LanguageRecipe
from arena.sandbox.store import Image

REQUIREMENTS = "requirements.txt"
_SITE = "site/"


def install(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> None:
    """Make a pack's image: one layer of files, laid without running anything.

    Raises:
        InputError: a package cannot be had.
        EngineError: the engine broke.
    """
    assert recipe.below
    given = {file.path: file.data for file in recipe.files}
    pinned = given.get(REQUIREMENTS, b"").decode().split()
    say(f"fetching {len(pinned)} packages")
    placed = wheels.unpack(pinned, recipe.below.name)
    placed += [
        File(path=f"{wheels.SITE}/{path.removeprefix(_SITE)}", data=data)
        for path, data in given.items()
        if path.startswith(_SITE)
    ]
    held: dict[str, JsonValue] = {
        file.path: hashlib.sha256(file.data).hexdigest() for file in placed
    }
    repository, tag = store.tag("language", recipe.name, recipe.digest)
    marks = store.labels(
        "language",
        recipe.name,
        recipe.digest,
        content=digest_of([recipe.digest, below.content, held]),
        parent=below.recipe,
        base=below.base,
    )
    _, tar = archive.pack(placed, owner=0)
    with builder.container(connection, below.id) as ident:
        files.write(connection, ident, "/", tar)
        builder.commit(connection, ident, repository, tag, marks, recipe.spec.workdir)
