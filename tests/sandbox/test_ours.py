"""Which images are taken for ours: nothing that somebody built on one, and nothing unfinished."""

import io
import os
import secrets
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from arena.records import SandboxLimits
from arena.sandbox import owner
from arena.sandbox.image import layer
from arena.sandbox.image.images import Images
from arena.sandbox.owner import remove_image
from tests.sandbox.test_image import TREE, images_folder

USER = "10001:10001"
BUILD = """
import sys
from pathlib import Path
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
folder = Path(sys.argv[1])
images = Images(DockerEngine(), lambda _: (), folder)
print(images.ensure_languages(["tiny"])["tiny"].id)
"""


@pytest.fixture
def images(engine, tmp_path):
    """A folder of images with a recipe of its own, removed with what was made of it."""
    made = Images(engine, lambda _: TREE, images_folder(tmp_path))
    yield made
    found = [one.what for one in made.store.all() if one.what.name in {"tiny", "any/Tiny"}]
    for image in sorted(found, key=lambda one: ("task", "language").index(one.kind)):
        remove_image(engine.connection, image.id)


def built_by_another(engine, dockerfile, **options):
    """What a user's own `docker build` makes."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile.encode())
        tar.addfile(info, io.BytesIO(dockerfile.encode()))
    lines = engine.connection.raw.build(
        fileobj=io.BytesIO(context.getvalue()), custom_context=True, decode=True, rm=True, **options
    )
    return next(line["aux"]["ID"] for line in list(lines) if "aux" in line)


def tags(engine, ident):
    return engine.connection.raw.inspect_image(ident)["RepoTags"]


def test_what_a_user_builds_on_ours_is_never_taken_for_it(engine, images, any_task):
    task = any_task.model_copy(update={"id": "any/Tiny", "image": "tiny"})
    made = images.ensure([task])[task.id].id
    layers = {one.what.kind: one.what for one in images.store.all() if one.what.name != "x"}
    below = images.ensure_languages(["tiny"])["tiny"]
    base = images.ensure_base()
    theirs = [
        built_by_another(engine, f"FROM {ours}\nRUN echo poison >/etc/pip.conf\n")
        for ours in (tags(engine, base.id)[0], tags(engine, below.id)[0], tags(engine, made)[0])
    ]
    theirs.append(built_by_another(engine, f"FROM {tags(engine, made)[0]}\nLABEL mine=1\n"))
    try:
        assert {"base", "language", "task"} <= set(layers)
        assert images.ensure([task])[task.id].id == made
        assert images.ensure_languages(["tiny"])["tiny"].id == below.id
        assert images.ensure_base().id == base.id
        assert not {one.what.id for one in images.store.all()} & set(theirs)
        labels = engine.connection.raw.inspect_image(theirs[0])["Config"]["Labels"]
        assert not [value for value in (labels or {}).values() if value]
        assert owner.reap(engine.connection) is not None
        layer.prune(engine.connection, 1 << 60)
        assert all(engine.connection.raw.inspect_image(one) for one in theirs)
    finally:
        for one in theirs:
            remove_image(engine.connection, one)


def test_a_poisoned_image_under_our_name_is_built_again(engine, images):
    good = images.ensure_languages(["tiny"])["tiny"]
    repository, _, tag = tags(engine, good.id)[0].rpartition(":")
    labels = {"arena.kind": "language", "arena.name": "tiny", "arena.recipe": good.recipe}
    labels |= {"arena.content": good.content, "arena.parent": good.parent}
    poison = f"FROM {repository}:{tag}\nRUN echo {secrets.token_hex(4)} >/etc/pip.conf\n"
    theirs = built_by_another(engine, poison, labels=labels)
    assert engine.connection.raw.tag(theirs, repository, tag, force=True)
    try:
        assert images.store.find("language", "tiny", good.recipe) is None
        again = images.ensure_languages(["tiny"])["tiny"]
        assert again.id != theirs
        assert again.content == good.content
        with engine.open(again.id, limits=SandboxLimits(), labels={}, user=USER) as box:
            assert box.exec(["test", "-e", "/etc/pip.conf"], timeout_s=20).exit_code == 1
    finally:
        remove_image(engine.connection, theirs)
        remove_image(engine.connection, good.id)


def build(folder):
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PIP_INDEX_URL": "https://canary-7c1e@pypi.example/simple"},
    )


def test_a_build_killed_in_the_middle_leaves_nothing_that_counts(engine, images, tmp_path):
    folder = tmp_path / "sandboxes"
    recipe = folder / "tiny" / "Dockerfile"
    whole = recipe.read_text()
    recipe.write_text(whole + "RUN echo in the middle; [ -e /etc/pip.conf ] && sleep 60\n")
    process = build(folder)
    deadline = time.monotonic() + 60
    while not any("in the middle" in one["Command"] for one in engine.connection.raw.containers()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    process.stdout.close()
    before = [one.what.name for one in images.store.all()]
    assert "tiny" not in before
    owner.reap(engine.connection)
    left = engine.connection.raw.images(name="arena/unfinished")
    recent = [one["Labels"] for one in left if time.time() - one["Created"] < 60]
    owners = [owner.Owner.model_validate_json(one[owner.LABEL_OWNER]) for one in recent]
    assert not any(one.is_dead(owner.Owner.current()) for one in owners)
    recipe.write_text(whole)
    again = images.ensure_languages(["tiny"])["tiny"]
    with engine.open(again.id, limits=SandboxLimits(), labels={}, user=USER) as box:
        assert box.exec(["test", "-e", "/etc/pip.conf"], timeout_s=20).exit_code == 1


def test_two_processes_that_build_at_once_spoil_nothing_for_each_other(engine, images, tmp_path):
    folder = tmp_path / "sandboxes"
    with (folder / "tiny" / "Dockerfile").open("a") as file:
        file.write("RUN sleep 2; grep -c canary-7c1e /etc/pip.conf >/seen\n")
    running = [build(folder) for _ in range(2)]
    ends = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], ends
    for ident in {out.strip() for out, _ in ends}:
        with engine.open(ident, limits=SandboxLimits(), labels={}, user=USER) as box:
            script = "cat /seen; test -e /etc/pip.conf || test -e /etc/arena-host || echo clean"
            done = box.exec(["sh", "-c", script], timeout_s=20)
            assert done.text.split() == ["1", "clean"]
