"""The base image from a registry: a small one on 127.0.0.1, that fails at first."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from arena.errors import InputError
from arena.records import File
from arena.resources import sandboxes_dir
from arena.sandbox import docker
from arena.sandbox.image import build
from arena.sandbox.image.images import Images
from arena.sandbox.owner import remove_image


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("etc/from-registry")
        info.size = 16
        tar.addfile(info, io.BytesIO(os.urandom(8).hex().encode()))
    return buffer.getvalue()


class Registry:
    """Serves one image; answers 503 to the first `refusals` requests for its manifest."""

    def __init__(self):
        plain = layer()
        packed = gzip.compress(plain, mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
            }
        ).encode()
        kind = "application/vnd.docker"
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{kind}.distribution.manifest.v2+json",
                "config": {
                    "mediaType": f"{kind}.container.image.v1+json",
                    "size": len(config),
                    "digest": digest(config),
                },
                "layers": [
                    {
                        "mediaType": f"{kind}.image.rootfs.diff.tar.gzip",
                        "size": len(packed),
                        "digest": digest(packed),
                    }
                ],
            }
        ).encode()
        self.blobs = {digest(packed): packed, digest(config): config}
        self.refusals = 0
        self.asked = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def image(self):
        return f"debian:test@{digest(self.manifest)}"

    def answer(self, path):
        """Status, media type and body for a path."""
        if path == "/v2/":
            return 200, "application/json", b"{}"
        name, _, reference = path.rpartition("/")
        if name == "/v2/library/debian/manifests":
            self.asked += 1
            if self.asked <= self.refusals:
                return 503, "text/plain", b"busy"
            return 200, "application/vnd.docker.distribution.manifest.v2+json", self.manifest
        if name == "/v2/library/debian/blobs" and reference in self.blobs:
            return 200, "application/octet-stream", self.blobs[reference]
        return 404, "text/plain", b"none"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, kind, body = registry.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", digest(body))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def registry(monkeypatch):
    registry = Registry()
    monkeypatch.setenv("ARENA_REGISTRY_MIRROR", registry.host)
    monkeypatch.setenv("ARENA_BASE", "pull")
    monkeypatch.setattr(docker, "_PULL_PAUSES_S", (0.1, 0.1))
    yield registry
    registry.close()


def test_a_pinned_base_is_pulled_through_the_mirror_and_built_upon(
    engine, registry, any_task, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "sandboxes"
    shutil.copytree(sandboxes_dir() / "engine", folder / "engine")
    (folder / "engine" / "base.toml").write_text(f'image = "{registry.image}"\n')
    shutil.copytree(sandboxes_dir() / "python", folder / "python")
    (folder / "python" / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nCOPY sandbox.toml /made\n"
    )
    registry.refusals = 2
    images = Images(engine, lambda _: (File(path="x", data=b"x"),), folder)
    made = images.ensure([any_task])[any_task.id]
    try:
        assert registry.asked >= 3
        assert made.base == registry.image
        raw = engine.connection.raw
        ident = raw.create_container(made.id, command=["none"])["Id"]
        try:
            for path in ("/etc/from-registry", "/made", "/repo/x"):
                raw.get_archive(ident, path)
        finally:
            raw.remove_container(ident)
        assert registry.host not in json.dumps(raw.inspect_image(made.id)["Config"])
    finally:
        ours = [one.what for one in images.store.all() if one.what.base == registry.image]
        for image in sorted(ours, key=lambda image: ("task", "language", "base").index(image.kind)):
            remove_image(engine.connection, image.id)
        remove_image(
            engine.connection, f"{registry.host}/library/debian@{digest(registry.manifest)}"
        )


def test_no_registry_says_what_else_can_be_done(engine, registry):
    registry.refusals = 100
    said = []
    with pytest.raises(InputError, match="ARENA_BASE=debootstrap") as caught:
        docker.pull(engine.connection, registry.image, said.append)
    assert "\n" not in caught.value.line()
    assert said == ["pulling debian:test"] * 3
    assert registry.asked >= 3


def test_another_way_to_the_base_is_refused(engine, any_task, monkeypatch):
    monkeypatch.setenv("ARENA_BASE", "guess")
    with pytest.raises(InputError, match="ARENA_BASE: 'guess'"):
        Images(engine, lambda _: ()).ensure([any_task])


def test_a_bootstrap_that_fails_says_why(tmp_path):
    script = tmp_path / "sources.sh"
    script.write_text(
        "#!/bin/sh\necho 'base image: at work' >&2\necho 'base image: no way' >&2\nexit 2\n"
    )
    script.chmod(0o755)
    with pytest.raises(InputError, match="base image: no way"):
        b"".join(build.bootstrap(script))
