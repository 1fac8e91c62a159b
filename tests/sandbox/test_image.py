"""Images on the real engine: what is in them, what is not, and how long they are kept."""

import hashlib
import json
import os
import shutil
import threading
import time

import pytest

from arena.errors import EngineError, InputError
from arena.records import File, SandboxLimits
from arena.resources import sandboxes_dir
from arena.sandbox import owner
from arena.sandbox.image import build, recipe
from arena.sandbox.image.build import DockerfileError
from arena.sandbox.image.images import Images
from arena.sandbox.image.store import Store
from arena.sandbox.owner import LABEL_OWNER, Owner, remove_image

USER = "10001:10001"
TREE = (
    File(path="README.md", data=b"read me\n"),
    File(path="bin/run", data=b"#!/bin/sh\n", mode=0o755),
    File(path="src/a.py", data=b"a = 1\n"),
)
DOCKERFILE = """ARG BASE
FROM ${BASE}
ENV GREETING="hello 'world'"
RUN cat /etc/arena-host/* /etc/pip.conf /etc/npmrc /etc/apt/apt.conf.d/* > /tmp/seen 2>/dev/null; \\
    env >> /tmp/seen; grep -c -e canary-7c1e /tmp/seen > /count; rm /tmp/seen; mkdir /made
"""


def images_folder(where):
    """A folder of images of our own, with new content each time."""
    root = where / "sandboxes"
    shutil.copytree(sandboxes_dir() / "engine", root / "engine")
    (root / "tiny").mkdir()
    (root / "tiny" / "Dockerfile").write_text(DOCKERFILE + f"RUN echo {os.urandom(8).hex()}\n")
    (root / "tiny" / "sandbox.toml").write_text(
        'language = "other"\ndescription = "for tests"\nworkdir = "/repo"\ndisk_mb = 1\n'
    )
    return root


@pytest.fixture
def folder(tmp_path):
    return images_folder(tmp_path)


@pytest.fixture(scope="module")
def tiny(any_task):
    return any_task.model_copy(update={"id": "any/Tiny", "image": "tiny"})


@pytest.fixture(scope="module", autouse=True)
def _clean(engine):
    yield
    images = [one.what for one in Store(engine.connection).all()]
    for image in sorted(images, key=lambda image: ("task", "language", "base").index(image.kind)):
        if image.name in {"any/Tiny", "tiny"}:
            remove_image(engine.connection, image.id)


@pytest.fixture
def images(engine, folder):
    """Nothing is built yet."""
    return Images(engine, lambda _: TREE, folder)


@pytest.fixture(scope="module")
def built(engine, tiny, tmp_path_factory):
    """Built once, by four threads at a time: the images, what they told, what they gave."""
    images = Images(engine, lambda _: TREE, images_folder(tmp_path_factory.mktemp("built")))
    told, made = [], []
    threads = [
        threading.Thread(target=lambda: made.append(images.ensure([tiny], told.append)[tiny.id]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return images, told, made


def inside(engine, image, script, **how):
    with engine.open(
        image, limits=SandboxLimits(), labels={}, user=USER, workdir="/repo", **how
    ) as box:
        result = box.exec(["sh", "-c", script], timeout_s=20)
        assert result.exit_code == 0, result.text
        return result.stdout.decode()


def blob(file):
    return hashlib.sha1(b"blob %d\0" % len(file.data) + file.data).hexdigest()


def test_the_tree_is_one_commit_without_history(engine, any_task):
    made = Images(engine, lambda _: TREE).ensure([any_task])[any_task.id]
    out = inside(
        engine,
        made.id,
        """git status --porcelain; git log --format='%an %ae %ad %s' --all; git ls-files -s
        git cat-file --batch-all-objects --batch-check='%(objecttype)' | sort | uniq -c
        git fsck --strict; git stash list; git remote; git worktree list | wc -l
        find . ! -user 10001; ls -A .git; touch x; git add x; git commit -qm mine && echo mine""",
    )
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "Arena arena@localhost Sat Jan 1 00:00:00 2000 +0000 Initial state",
        f"100644 {blob(TREE[0])} 0 README.md",
        f"100755 {blob(TREE[1])} 0 bin/run",
        f"100644 {blob(TREE[2])} 0 src/a.py",
        *("3 blob", "1 commit", "3 tree", "1"),
        *("HEAD", "config", "index", "objects", "refs"),
        "mine",
    ]


def test_odd_file_names_survive(engine, any_task):
    tree = (*TREE, File(path='a "b" \\ é\n.txt', data=b"odd"))
    made = Images(engine, lambda _: tree).ensure([any_task])[any_task.id]
    assert inside(engine, made.id, "git status --porcelain; cat a*") == "odd"


def test_many_at_once_build_one_image(built):
    _, told, made = built
    assert len(made) == 4
    assert len({one.id for one in made}) == 1
    kinds = [line.split()[:2] for line in told if " base image " not in line]
    assert sorted(kinds) == [
        [verb, kind] for verb in ("made", "making") for kind in ("language", "task")
    ]


def test_what_is_there_is_reused(built, tiny):
    images, _, made = built
    told = []
    assert images.ensure([tiny], told.append)[tiny.id] == made[0]
    assert told == []


def test_building_leaves_no_container_and_no_unfinished_image(built, engine):
    raw = engine.connection.raw
    me = Owner.current().label()
    containers = raw.containers(all=True, filters={"label": f"{LABEL_OWNER}={me}"})
    assert [one["Names"] for one in containers if "arena-build" in one["Names"][0]] == []
    images = raw.images(filters={"label": LABEL_OWNER})
    assert me not in [one["Labels"].get(LABEL_OWNER) for one in images]


def test_a_digest_depends_on_every_part(folder, monkeypatch):
    def digest(tree=TREE):
        base = recipe.base_recipes(folder)[0]
        return recipe.task_digest(recipe.language_recipe(folder, "tiny", base), tree)

    first = digest()
    assert digest(TREE[::-1]) == first
    assert digest((TREE[0].model_copy(update={"mode": 0o755}), *TREE[1:])) != first
    assert digest((TREE[0].model_copy(update={"path": "other"}), *TREE[1:])) != first
    monkeypatch.setenv("ARENA_BASE", "pull")
    assert digest() != first
    monkeypatch.undo()
    (folder / "tiny" / "__pycache__").mkdir()
    (folder / "tiny" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert digest() == first
    (folder / "tiny" / "extra").write_text("x")
    more = digest()
    assert more != first
    (folder / "tiny" / "extra").chmod(0o755)
    assert digest() not in {first, more}


def test_the_machines_settings_work_in_a_build_and_stay_out_of_the_image(
    images, tiny, engine, monkeypatch, tmp_path
):
    (tmp_path / ".npmrc").write_text("//npm.example/:_authToken=${TOKEN}\nsecret=x\n")
    (tmp_path / "ca.pem").write_text("certificate canary-7c1e\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TOKEN", "canary-7c1e")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary-7c1e@pypi.example/simple")
    monkeypatch.setenv("ARENA_DEBIAN_MIRROR", "http://user:canary-7c1e@mirror.example/debian")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("http_proxy", "http://user:canary-7c1e@127.0.0.1:1")
    made = images.ensure([tiny])[tiny.id]
    # the mirror, pip's index, npm's token, the certificate and the proxy were seen by the build
    assert int(inside(engine, made.id, "cat /count")) >= 5
    assert inside(engine, made.id, 'echo "$GREETING"; ls -d /made') == "hello 'world'\n/made\n"
    raw = engine.connection.raw
    told = json.dumps([raw.inspect_image(made.id), raw.history(made.id)])
    assert "7c1e" not in told
    layers = b"".join(raw.get_image(made.id))
    assert b"canary-7c1e" not in layers
    assert b"arena-host" not in layers


def test_a_machine_without_settings_builds_on_the_base_itself(images, tiny, engine, monkeypatch):
    monkeypatch.setattr(build, "host_settings", list)
    made = images.ensure([tiny])[tiny.id]
    base = images.ensure_base()
    layers = [
        engine.connection.raw.inspect_image(one)["RootFS"]["Layers"] for one in (base.id, made.id)
    ]
    assert layers[1][: len(layers[0])] == layers[0]
    assert inside(engine, made.id, "cat /count") == "0\n"


def test_a_script_that_a_dockerfile_copies_can_be_run(images, tiny, folder, engine):
    script = folder / "tiny" / "greet"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    (folder / "tiny" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY greet /greet\n")
    made = images.ensure([tiny])[tiny.id]
    assert inside(engine, made.id, "/greet") == "hello\n"


def test_a_dockerfile_that_fails_says_why(images, tiny, folder):
    (folder / "tiny" / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nRUN echo all is lost; exit 9\n"
    )
    with pytest.raises(DockerfileError, match=r"all is lost.*code: 9"):
        images.ensure([tiny])


def test_a_dockerfile_that_nobody_can_read_is_no_fault_of_the_engine(images, tiny, folder):
    (folder / "tiny" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nNONSENSE here\n")
    with pytest.raises(DockerfileError, match=r"(?i)unknown instruction.*NONSENSE"):
        images.ensure([tiny])


def test_a_disk_that_fills_during_a_build_is_a_clear_fault(images, tiny, folder):
    # the shared memory of a build's container is the smallest disk there is
    fill = "RUN dd if=/dev/zero of=/dev/shm/full bs=1M count=200\n"
    (folder / "tiny" / "Dockerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\n{fill}")
    with pytest.raises(EngineError, match=r"disk is full.*arena sandboxes prune.*No space") as full:
        images.ensure([tiny])
    assert not isinstance(full.value, DockerfileError)


def test_an_unknown_image_is_named_with_the_known_ones(images, tiny):
    task = tiny.model_copy(update={"image": "cobol"})
    with pytest.raises(InputError, match=r"'cobol'.*use tiny"):
        images.ensure([task])


@pytest.mark.parametrize(
    "text", ["language = 3", "language =", 'language = "go"\nsize = 1\ndescription = ""']
)
def test_a_malformed_sandbox_toml_is_the_users_to_mend(images, tiny, folder, text):
    (folder / "tiny" / "sandbox.toml").write_text(text)
    with pytest.raises(InputError, match=r"tiny/sandbox\.toml: .*see .*sandboxes/README"):
        images.ensure([tiny])


def test_a_small_disk_is_a_clear_fault_before_the_build(images, tiny, folder):
    text = (folder / "tiny" / "sandbox.toml").read_text()
    (folder / "tiny" / "sandbox.toml").write_text(
        text.replace("disk_mb = 1", "disk_mb = 1000000000")
    )
    with pytest.raises(
        EngineError, match=r"about 1000000300 MB are needed .*'arena sandboxes prune'"
    ):
        images.ensure([tiny])


# ── keeping ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def another(built, tiny, engine):
    """One more image on the language image that was built, as the store lists it."""
    images, _, _ = built
    more = (*TREE, File(path="more", data=os.urandom(100)))
    made = Images(engine, lambda _: more, images._sandboxes).ensure([tiny])[tiny.id]

    def listed():
        return next(one for one in images.store.all() if one.what.id == made.id)

    return images.store, listed


def test_content_decides_the_digest(built, tiny, engine, another):
    images, _, made = built
    _, listed = another
    assert listed().what.content != made[0].content
    remove_image(engine.connection, made[0].id)
    again = images.ensure([tiny])[tiny.id]
    assert again.id != made[0].id
    assert again.content == made[0].content


def test_a_built_image_is_in_use_by_this_process(another):
    store, listed = another
    assert listed().in_use
    assert listed().own_bytes < 10_000_000
    language = next(one for one in store.all() if one.what.recipe == listed().what.parent)
    assert (language.what.kind, language.in_use) == ("language", True)
    assert language.what.base == listed().what.base != ""


def test_an_image_is_free_once_its_process_is_dead(another):
    _, listed = another
    (mark,) = owner._marks(listed().what.recipe)
    mark.write_text(Owner.current().model_copy(update={"started": "0"}).label())
    os.utime(mark, (1000, 1000))
    assert (listed().in_use, listed().last_used_s) == (False, 1000)


def test_an_image_under_a_container_stays(another, engine):
    store, listed = another
    image = listed().what
    with engine.open(image.id, limits=SandboxLimits(), labels={}, user=USER):
        assert not store.remove(image)
    deadline = time.monotonic() + 10
    while not store.remove(image) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert store.find(image.kind, image.name, image.recipe) is None
    assert owner.last_used(image.recipe) is None
