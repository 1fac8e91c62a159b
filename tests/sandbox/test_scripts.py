"""The scripts that bring an engine and a base system: what they say, and that they harm nothing."""

import os
import subprocess

import pytest

from arena.resources import sandboxes_dir

START = sandboxes_dir() / "engine" / "start.sh"
BASE = sandboxes_dir() / "engine" / "base.sh"
NOBODY = (
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
)
NO_SOCKET = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]


def run(script, *before, **env):
    settings = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **env}
    command = [*before, "sh", "-c", script.read_text(), script.name]
    return subprocess.run(
        command, env=settings, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_engine_that_answers_is_left_alone(engine):
    before = engine.connection.raw.info()["ID"]
    for _ in range(2):
        result = run(START)
        assert (result.returncode, result.stderr) == (0, "engine: an engine answers\n")
    assert engine.connection.raw.info()["ID"] == before


@pytest.mark.parametrize("host", ["unix:///nonexistent.sock", "tcp://127.0.0.1:9"])
def test_a_named_engine_that_does_not_answer_is_an_error(host):
    result = run(START, DOCKER_HOST=host)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "DOCKER_HOST" in result.stderr


def test_without_root_one_message_says_what_to_install():
    hidden = [*NO_SOCKET, *NOBODY] if NOBODY else []
    result = run(START, *hidden)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "apt-get install docker.io iptables" in result.stderr
    assert "DOCKER_HOST" in result.stderr


def test_a_socket_of_others_is_told_apart_from_none():
    result = run(START, *NOBODY)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "usermod -aG docker" in result.stderr


def test_bootstrapping_without_root_is_one_message():
    result = run(BASE, *NOBODY)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "ARENA_BASE=pull" in result.stderr


def test_the_base_system_names_the_public_mirror_only(engine, image):
    raw = engine.connection.raw
    ident = raw.create_container(image)["Id"]
    try:
        chunks, _ = raw.get_archive(ident, "/etc/apt")
        text = b"".join(chunks).decode("utf-8", "replace")
    finally:
        raw.remove_container(ident)
    sources = [line for line in text.splitlines() if line.startswith("deb ")]
    assert sources
    assert all(line.startswith("deb http://deb.debian.org/debian") for line in sources)
    assert "Proxy" not in text
