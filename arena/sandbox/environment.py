"""A pack's own image: a language image with the packages that its repositories need.

images/<name>/
    sandbox.toml        language, description, base = "python" or "node"
    requirements.txt    Python: exact versions, one a line
    site/               Python: more files for the library folder, such as a project's metadata
    package.json        Node: what is needed, with package-lock.json its exact versions
"""

import hashlib
from collections.abc import Sequence

from pydantic import JsonValue

from arena.records import File, digest_of
from arena.sandbox import archive, builder, files, npm, store, wheels
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
    placed = _placed(recipe.files, recipe.below.name, say)
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


def _placed(given: Sequence[File], base: str, say: Say) -> list[File]:
    """The files of the packages, at their absolute paths."""
    locked = [file for file in given if file.path in {npm.PACKAGE, npm.LOCK}]
    if locked:
        say("fetching packages of npm")
        return npm.unpack(locked)
    texts = {file.path: file.data for file in given}
    pinned = texts.get(REQUIREMENTS, b"").decode().split()
    say(f"fetching {len(pinned)} packages")
    return wheels.unpack(pinned, base) + [
        File(path=f"{wheels.SITE}/{path.removeprefix(_SITE)}", data=data)
        for path, data in texts.items()
        if path.startswith(_SITE)
    ]
