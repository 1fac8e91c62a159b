"""Instances whose environment is an image of a registry on this machine."""

import io
import json
import tarfile

import pytest

from arena.errors import InputError
from arena.sandbox import docker
from arena.sandbox.image.images import Images
from arena.sandbox.owner import remove_image
from arena.task import pack as packs
from tests.e2e.rig import arena
from tests.servers.registry import Registry
from tests.task import toy
from tests.task.importing import rig
from tests.task.importing.test_rows import graded, imported
from tests.task.importing.test_scripts import DOCKERFILE, MORE, SOLVE, harbor

pytestmark = pytest.mark.timeout(600)

IMAGE = "FROM {base}\nWORKDIR /testbed\nCOPY testbed /testbed\nRUN git init -q && echo kept >/etc/kept\n"
WORDS = """\
FROM {base}
RUN mkdir -m 755 /words && echo hello >/words/word
USER 998
WORKDIR /words
ENTRYPOINT ["python3", "-m"]
CMD ["http.server"]
"""
COMPOSE = """\
services:
  main: {depends_on: {words: {condition: service_healthy}}}
  words:
    image: IMAGE
    healthcheck:
      test: python3 -c "import socket; socket.create_connection(('127.0.0.1', 8000))"
"""


def build(engine, dockerfile, files):
    """An image that belongs to nobody, as others' images do."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    lines = list(
        engine.connection.raw.build(
            fileobj=io.BytesIO(context.getvalue()),
            custom_context=True,
            decode=True,
            rm=True,
            forcerm=True,
        )
    )
    return next(line["aux"]["ID"] for line in lines if "aux" in line), lines


@pytest.fixture(scope="module")
def registry(engine):
    """Serves `acme/purse:1`, the repository of the rows in `/testbed`, and removes what it led to."""
    python = Images(engine, lambda _: ()).ensure_languages(["python"])["python"]
    files = {
        "testbed/pyproject.toml": rig.PYPROJECT,
        "testbed/purse/__init__.py": toy.BEFORE,
        "testbed/tests/test_purse.py": rig.VISIBLE,
        "testbed/purse/built.txt": "made by the image's build\n",
    }
    built, _ = build(engine, IMAGE.format(base=python.id), files)
    words, _ = build(engine, WORDS.format(base=python.id), {})
    with Registry() as registry:
        for name, image in (("acme/purse:1", built), ("acme/words:1", words)):
            registry.add(name, image)
            remove_image(engine.connection, image)
        yield registry
        store = Images(engine, lambda _: ()).store
        made = [one.what for one in store.all() if "/acme/" in one.what.base]
        for image in sorted(made, key=lambda one: ("task", "language", "base").index(one.kind)):
            remove_image(engine.connection, image.id)
        raw = engine.connection.raw
        for name in ("acme/purse", "acme/words"):
            for image in raw.images(name=registry.image(name)):
                remove_image(engine.connection, image["Id"])


def test_an_instance_runs_in_its_own_image(tmp_path, registry):
    repo = rig.a_repository(tmp_path)
    image, away = registry.image("acme/purse:1"), registry.image("acme/none:1")
    old = {"install_config": {"python": "3.6", "test_cmd": "pytest -rA"}}
    rows = [
        rig.row(*repo, instance_id="pulled", repo="acme/unknown", image_name=image, **old),
        rig.row(*repo, instance_id="built", docker_image=away),
        rig.row(*repo, instance_id="neither", repo="acme/unknown", docker_image=away),
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    found = imported(tmp_path, "rows.json")
    assert {name: one["result"] for name, one in found.items()} == {
        "pulled": "imported",
        "built": "imported",
        "neither": "refused",
    }
    assert "no clone of acme/unknown in --repos; its image:" in found["neither"]["reason"]
    tasks = {task.instance_id: task for task in packs.load("./taken", base=tmp_path)}
    paths = {file.path for file in packs.tree_files(tasks["pulled"])}
    assert "purse/built.txt" in paths
    assert not any(path.startswith(".git/") for path in paths)
    settings = (tmp_path / "taken/images/pulled/sandbox.toml").read_text()
    assert f'pull = "{image}@{registry.digest("acme/purse:1")}"' in settings
    gold = rig.row(*repo)["patch"]
    predictions = [
        {"instance_id": "pulled", "model_name_or_path": name, "model_patch": patch}
        for name, patch in (("gold", gold), ("wrong", gold.replace("+ 1", "+ 5")), ("none", ""))
    ]
    assert graded(tmp_path, predictions) == {
        ("pulled", "gold"): "passed",
        ("pulled", "wrong"): "failed",
        ("pulled", "none"): "no_patch",
    }


def test_directories_stand_on_the_image_that_they_name(tmp_path, registry):
    image = registry.image("acme/purse:1")
    suite = tmp_path / "suite"
    dockerfile = DOCKERFILE.replace("python:3.11-slim", image)
    harbor(suite, "derived", environment__Dockerfile=dockerfile)
    named = {
        "environment__Dockerfile": None,
        "environment__purse____init__.py": None,
        "task.toml": f'[task]\nname = "acme/named"\n[environment]\ndocker_image = "{image}"\n',
        "tests__test.sh": "cd /testbed && python3 -c 'import purse; assert purse.half_up(3) == 2'\n"
        "echo $((1 - $?)) >/logs/verifier/reward.txt\n",
        "solution__solve.sh": "cd /testbed && sed -i 's|int(cents / 2)|(cents + 1) // 2|' purse/__init__.py\n",
    }
    harbor(suite, "named", **named)
    (suite / "named/environment/purse/__init__.py").unlink(missing_ok=True)
    word = "import urllib.request as u; print(u.urlopen('http://words:8000/word').read().decode())"
    beside = {
        "environment__docker-compose.yaml": COMPOSE.replace(
            "IMAGE", registry.image("acme/words:1")
        ),
        "solution__solve.sh": f'{SOLVE}python3 -c "{word}" >word\n',
        "tests__more.py": f"{MORE}\nassert open('/app/word').read() == 'hello\\n\\n'\n",
    }
    harbor(suite, "beside", **beside)
    done = arena(
        *("tasks", "import", "suite", "--out", "taken", "--format", "json"),
        cwd=tmp_path,
        timeout_s=500,
    )
    assert done.code == 0, done.err
    assert {one["instance_id"]: one["result"] for one in done.json["instances"]} == {
        "beside": "imported",
        "derived": "imported",
        "named": "imported",
    }, done.out


def test_the_mirror_serves_names_without_a_registry_and_stays_out_of_them(
    engine, registry, monkeypatch
):
    pinned = f"acme/purse:1@{registry.digest('acme/purse:1')}"
    monkeypatch.setenv("ARENA_REGISTRY_MIRROR", registry.host)
    assert docker.pin(engine.connection, "acme/purse:1") == pinned
    assert docker.pin(engine.connection, pinned) == pinned
    with pytest.raises(InputError, match="no registry gave none:2") as caught:
        docker.pin(engine.connection, "none:2")
    assert docker.is_missing(caught.value)
    assert "library/none:2" in registry.asked
    source = docker.pull(engine.connection, pinned, lambda _: None)
    assert source == f"{registry.host}/acme/purse@{registry.digest('acme/purse:1')}"
    said: list[str] = []
    with pytest.raises(InputError, match="no registry gave none"):
        docker.pull(engine.connection, f"none:1@sha256:{'0' * 64}", said.append)
    assert len(said) == 1, "what a registry does not have is not asked for again"
