"""What we use of docker's inside is looked at when a connection is made, and nowhere else."""

import json
import os
import re
from pathlib import Path

import docker
import pytest

import arena
from arena.errors import EngineError, InputError
from arena.records import File
from arena.sandbox import docker as ours
from arena.sandbox.docker import Connection
from arena.sandbox.image import build as image_build

PACKAGE = Path(arena.__file__).parent


@pytest.mark.parametrize("name", ["_url", "_raise_for_status", "_get_raw_response_socket"])
def test_a_docker_of_another_make_is_one_clear_line(name, monkeypatch):
    monkeypatch.delattr(docker.APIClient, name)
    with pytest.raises(EngineError, match="not one that Arena knows") as raised:
        Connection().raw.version()
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_connection_that_was_looked_into_works_on():
    connection = Connection()
    with connection.guard():
        assert connection.raw.version()["Version"]
        assert connection.raw.info()["ID"]
    connection.close()


def test_one_module_reaches_into_docker():
    inside = re.compile(r"raw\._[a-z]|\._fp\b|_get_raw_response_socket")
    found = {
        path.name for path in (PACKAGE / "sandbox").rglob("*.py") if inside.search(path.read_text())
    }
    assert found == {"docker.py"}


HELPERS = {
    "store that is not there": {"credsStore": "not-there"},
    "helper that is not there": {"credHelpers": {"127.0.0.1:1": "not-there"}},
    "store that fails": {"credsStore": "fails"},
    "helper that fails": {"credHelpers": {"127.0.0.1:1": "fails"}},
    "store that talks": {"credsStore": "talks"},
    "helper that talks": {"credHelpers": {"127.0.0.1:1": "talks"}},
}


def build(connection):
    image_build.dockerfile(
        connection,
        [File(path="Dockerfile", data=b"FROM scratch\n")],
        "arena/none:1",
        {},
    )


def pull(connection):
    ours.pull(connection, f"127.0.0.1:1/a@sha256:{'0' * 64}", lambda _: None)


def pin(connection):
    ours.pin(connection, "127.0.0.1:1/a:latest")


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """A connection under a configuration of Docker's of one's own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in {"fails": "echo locked; exit 1", "talks": "echo hello"}.items():
        program = programs / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    made = []

    def connect(settings):
        (tmp_path / "config.json").write_text(json.dumps(settings))
        made.append(Connection())
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.mark.parametrize("call", [build, pull, pin])
@pytest.mark.parametrize("settings", HELPERS.values(), ids=HELPERS)
def test_a_credential_helper_that_gives_nothing_is_one_line_that_names_it(
    configured, settings, call, recwarn
):
    connection = configured(settings)
    name = settings.get("credsStore") or settings["credHelpers"]["127.0.0.1:1"]
    with pytest.raises(InputError, match=f"docker-credential-{name}") as raised:
        call(connection)
    assert "config.json" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert connection.raw.version()["Version"]  # nothing else is in its way
    assert not [one for one in recwarn if "docker-credential" in str(one.message)]


def test_a_helper_of_another_registry_is_not_asked_when_one_pulls(configured):
    connection = configured({"credHelpers": {"registry.example": "not-there"}})
    with pytest.raises(InputError, match="no registry gave"):
        pin(connection)


@pytest.mark.parametrize("settings", [[1], {"auths": {"a": "b"}}, {"auths": {"a": {"auth": "%"}}}])
def test_a_configuration_that_is_none_is_one_line(configured, settings):
    connection = configured(settings)
    with pytest.raises(InputError, match=r"config\.json: not a configuration"):
        connection.raw.version()
