"""What we use of docker's inside is looked at when a connection is made, and nowhere else."""

import re
from pathlib import Path

import docker
import pytest

import arena
from arena.errors import EngineError
from arena.sandbox.docker import Connection

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
