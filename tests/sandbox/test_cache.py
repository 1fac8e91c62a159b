"""What is kept between runs: agents' programs beside the images, and which goes first."""

import os
import secrets
import time

import docker
import pytest

from arena.records import SandboxLimits
from arena.records.container import LAYER
from arena.sandbox import owner
from arena.sandbox.image import layer
from arena.sandbox.image.images import Images
from arena.sandbox.image.layer import Layers, next_to_go
from arena.sandbox.image.store import AgentLayer, CachedItem, Image
from arena.sandbox.owner import Owner
from arena.task import pack
from tests.e2e.rig import arena

USER = "10001:10001"


@pytest.fixture
def toy(engine):
    """A layer without programs: what `Layers` finds, made in a moment."""
    base = Images(engine, pack.tree_files).ensure_base().id
    recipe = secrets.token_hex(32)
    marks = (recipe, f"toy-{recipe[:6]}", "c" * 64, "3")
    names = (layer.LABEL_LAYER, layer.LABEL_AGENT, layer.LABEL_CONTENT, layer.LABEL_SIZE)
    client = docker.from_env()
    made = client.api.create_container(
        base, ["true"], labels=dict(zip(names, marks, strict=True)), volumes=[LAYER]
    )
    yield recipe
    for left in client.api.containers(all=True, filters={"id": made["Id"]}):
        client.api.remove_container(left["Id"], v=True)
    owner.forget(recipe)
    client.close()


def listed(engine, recipe):
    return next((one for one in layer.kept(engine.connection) if one.what.recipe == recipe), None)


def test_an_agents_programs_are_listed_with_the_images(engine, toy):
    one = listed(engine, toy)
    assert (one.what.kind, one.what.name, one.own_bytes) == ("agent", f"toy-{toy[:6]}", 3 << 20)
    assert not one.in_use
    assert abs(one.last_used_s - time.time()) < 120
    assert {"base", "agent"} <= {kept.what.kind for kept in layer.kept(engine.connection)}


def test_programs_are_in_use_under_a_container_and_while_a_run_lives(engine, toy):
    image = Images(engine, pack.tree_files).ensure_languages(["python"])["python"].id
    ident = listed(engine, toy).what.id
    with engine.open(image, limits=SandboxLimits(), labels={}, user=USER, layer=ident):
        assert listed(engine, toy).in_use
    deadline = time.monotonic() + 30
    while listed(engine, toy).in_use and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not listed(engine, toy).in_use
    owner.mark(toy)
    assert listed(engine, toy).in_use
    (mark,) = owner._marks(toy)
    mark.write_text(Owner.current().model_copy(update={"started": "0"}).label())
    os.utime(mark, (1000, 1000))
    assert (listed(engine, toy).in_use, listed(engine, toy).last_used_s) == (False, 1000)


def test_removed_programs_leave_no_volume(engine, toy):
    client = docker.from_env()
    one = listed(engine, toy)
    (mount,) = client.api.inspect_container(one.what.id)["Mounts"]
    client.api.inspect_volume(mount["Name"])
    Layers(engine.connection).remove(one.what)
    assert listed(engine, toy) is None
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_volume(mount["Name"])
    client.close()


def test_the_command_line_lists_and_removes_them(engine, toy, tmp_path):
    rows = arena("sandboxes", "list", "--format", "json", cwd=tmp_path).json["images"]
    (row,) = [row for row in rows if row["name"] == f"toy-{toy[:6]}"]
    assert (row["kind"], row["size_gb"], row["in_use"]) == ("agent", 0.003, False)
    ended = arena("agents", "remove", row["name"], cwd=tmp_path)
    assert (ended.code, ended.out) == (0, f"removed {row['name']} (3 MB)\n")
    assert listed(engine, toy) is None
    again = arena("agents", "remove", row["name"], cwd=tmp_path)
    assert again.code == 2
    assert f"no programs of {row['name']!r} are installed" in again.err
    assert arena("sandboxes", "prune", "--keep-gb", "1000000", cwd=tmp_path).out == ""


def image(name, **fields):
    what = Image(
        id=name, kind="task", name=name, recipe=name, content=name, size_bytes=10, created_s=0
    )
    return CachedItem(what=what, own_bytes=10, **{"in_use": False, **fields})


def programs(name, **fields):
    state = {"in_use": False, **fields}
    what = AgentLayer(id=name, name=name, recipe=name, content=name, size_mb=1)
    return CachedItem(what=what, own_bytes=10, **state)


def test_the_least_recently_used_free_one_goes_first():
    there = [
        image("a", last_used_s=1, in_use=True),
        programs("b", last_used_s=2),
        programs("c", last_used_s=3, in_use=True),
        image("d", last_used_s=4),
    ]
    assert next_to_go(there, 40) is None
    assert next_to_go(there, 39).what.name == "b"
    assert next_to_go(there, 0, {"b"}).what.name == "d"
    assert next_to_go(there, 0, {"b", "d"}) is None
    assert next_to_go(there[:1], 0) is None
