"""Images carried from one engine to another: what is kept is fetched, not built again."""

import docker
import pytest

from arena.errors import InputError
from arena.sandbox.image import build, recipe, store
from arena.sandbox.image.images import Images
from arena.sandbox.owner import remove_image
from arena.task import pack
from tests.servers.registry import Registry

TINY = 'language = "python"\ndescription = "tiny"\ndecides = ["{decides}"]\n'
DOCKERFILE = "ARG BASE\nFROM ${{BASE}}\nRUN echo {what} > /what\n"


@pytest.fixture
def folder(tmp_path):
    """Two language images on the shipped base, made in a moment, under names of their own."""
    made = tmp_path / "sandboxes"
    (made / "engine").mkdir(parents=True)
    for path in (recipe_folder() / "engine").iterdir():
        (made / "engine" / path.name).write_bytes(path.read_bytes())
    for name in ("carried-a", "carried-b"):
        (made / name).mkdir()
        (made / name / "Dockerfile").write_text(DOCKERFILE.format(what=name))
        (made / name / "sandbox.toml").write_text(TINY.format(decides="libc6"))
    return made


def recipe_folder():
    from arena.resources import sandboxes_dir

    return sandboxes_dir()


@pytest.fixture
def images(engine, folder):
    found = Images(engine, pack.tree_files, folder)
    yield found
    for one in found.store.all():
        if one.what.name.startswith("carried-"):
            remove_image(engine.connection, one.what.id)


def drop(images, kept):
    for image in kept:
        if image.kind == "language":
            assert images.store.remove(image)


def test_a_tar_brings_back_what_was_built(engine, images, tmp_path):
    with pytest.raises(InputError, match="not built: carried-a, carried-b"):
        images.kept(["carried-a", "carried-b"])
    built = images.ensure_languages()
    kept = images.kept()
    assert [image.kind for image in kept] == ["base", "language", "language"]
    tar = tmp_path / "images.tar"
    store.save(engine.connection, kept, tar)
    drop(images, kept)
    found = store.load(engine.connection, tar)
    assert {image.name for image in found} == {"carried-a", "carried-b"}
    told = []
    again = images.ensure_languages(say=told.append)
    assert told == [], "nothing is built anew"
    assert {name: image.content for name, image in again.items()} == {
        name: image.content for name, image in built.items()
    }


def test_a_tar_of_somebody_elses_is_refused_and_removed(engine, images, tmp_path):
    client = docker.from_env()
    base = images.ensure_base()
    client.api.tag(base.id, "arena/language/carried-c", "0123456789ab")
    tar = tmp_path / "other.tar"
    with engine.connection.guard(), tar.open("wb") as out:
        for chunk in engine.connection.saved(["arena/language/carried-c:0123456789ab"]):
            out.write(chunk)
    with pytest.raises(InputError, match="carried-c:0123456789ab, which is no image of ours"):
        store.load(engine.connection, tar)
    assert not client.api.images("arena/language/carried-c")
    client.close()


def test_a_registry_gives_images_back_by_digest(engine, images, tmp_path):
    built = images.ensure_languages()
    languages = [image for image in images.kept() if image.kind == "language"]
    with Registry() as registry:
        pushed = store.push(engine.connection, languages, registry.image("mine"), lambda _: None)
        assert all("@sha256:" in one.reference for one in pushed.images)
        where = tmp_path / "images.json"
        where.write_text(store.text_of(pushed))
        drop(images, languages)
        found = store.fetch(engine.connection, store.read_lock(where), lambda _: None)
        assert {one.name: one.content for one in found} == {
            name: image.content for name, image in built.items()
        }
        wrong = pushed.images[0].model_copy(update={"reference": pushed.images[1].reference})
        drop(images, found)
        with pytest.raises(InputError, match="is not what the lock says"):
            store.fetch(engine.connection, store.ImageLock(images=(wrong,)), lambda _: None)
    where.write_text("{}")
    with pytest.raises(InputError, match="not a lock"):
        store.read_lock(where)


def test_only_packages_that_decide_make_another_content():
    status = b"Package: libc6\nVersion: 1\n\nPackage: openssl\nVersion: %s\n"
    old, new = status % b"1", status % b"2"
    assert build.packages(old) != build.packages(new)
    assert build.packages(old, ["libc*"]) == build.packages(new, ["libc*"]) == ["libc6 1 None"]


def test_everybody_goes_on_with_the_base_that_is_there(engine, images, monkeypatch):
    held = images.ensure_base()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert images.base_recipe().digest == held.recipe
    assert images.ensure_base().id == held.id
    monkeypatch.setenv("ARENA_BASE", "pull")
    assert images.base_recipe().mode == "pull"
    monkeypatch.setenv("ARENA_BASE", "guess")
    with pytest.raises(InputError, match="ARENA_BASE: 'guess'"):
        images.base_recipe()


def test_shipped_images_name_what_decides():
    base = recipe.base_recipes(recipe_folder())[0]
    for name in recipe.language_names(recipe_folder()):
        assert recipe.language_recipe(recipe_folder(), name, base).spec.decides
