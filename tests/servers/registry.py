"""A registry on 127.0.0.1 that serves images of the local engine, and takes what it pushes.

with Registry() as registry:
    registry.add("acme/purse:1", image_id)
    registry.image("acme/purse:1")   # 127.0.0.1:PORT/acme/purse:1
"""

import hashlib
import json
import secrets
import shutil
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs

import docker

KIND = "application/vnd.docker"
MANIFEST = f"{KIND}.distribution.manifest.v2+json"


class Registry:
    """Names in `asked` every manifest that was wanted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="arena-registry-"))
        self._manifests: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._folder)

    def image(self, name: str) -> str:
        return f"{self.host}/{name}"

    def digest(self, name: str) -> str:
        return _digest(self._manifests[name])

    def add(self, name: str, image: str) -> None:
        """Serve an image of the engine as `repository:tag`."""
        client = docker.from_env(timeout=600)
        saved = self._folder / "saved.tar"
        with saved.open("wb") as out:
            for chunk in client.api.get_image(image, chunk_size=1 << 20):
                out.write(chunk)
        client.close()
        with tarfile.open(saved) as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest is not None
            (entry,) = json.load(manifest)
            config = self._blob(tar, entry["Config"])
            layers = [self._blob(tar, layer) for layer in entry["Layers"]]
        saved.unlink()
        self._manifests[name] = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": f"{KIND}.container.image.v1+json", **config},
                "layers": [
                    {"mediaType": f"{KIND}.image.rootfs.diff.tar.gzip", **layer} for layer in layers
                ],
            }
        ).encode()

    def _blob(self, tar: tarfile.TarFile, member: str) -> dict[str, object]:
        source, target = tar.extractfile(member), self._folder / "blob"
        assert source is not None
        with target.open("wb") as out:
            shutil.copyfileobj(source, out)
        with target.open("rb") as data:
            digest = "sha256:" + hashlib.file_digest(data, "sha256").hexdigest()
        size = target.stat().st_size
        target.rename(self._folder / digest.replace(":", "-"))
        return {"digest": digest, "size": size}

    def _answer(self, path: str) -> tuple[int, str, bytes | Path]:
        if path == "/v2/":
            return 200, "application/json", b"{}"
        name, _, reference = path.removeprefix("/v2/").rpartition("/")
        repository, _, kind = name.rpartition("/")
        if kind == "manifests":
            self.asked.append(f"{repository}:{reference}")
            for known, manifest in self._manifests.items():
                if reference in {_digest(manifest), known.partition(":")[2]} and known.startswith(
                    f"{repository}:"
                ):
                    return 200, MANIFEST, manifest
        blob = self._folder / reference.replace(":", "-")
        if kind == "blobs" and blob.is_file():
            return 200, "application/octet-stream", blob
        error = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "none"}]}'
        return 404, "application/json", error

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, kind, body = registry._answer(self.path)
                size = len(body) if isinstance(body, bytes) else body.stat().st_size
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(size))
                if isinstance(body, bytes):
                    self.send_header("Docker-Content-Digest", _digest(body))
                self.end_headers()
                if self.command != "GET":
                    return
                if isinstance(body, bytes):
                    self.wfile.write(body)
                else:
                    with body.open("rb") as data:
                        shutil.copyfileobj(data, self.wfile)

            do_HEAD = do_GET

            def do_POST(self):
                self._took(202, self.path + secrets.token_hex(8))

            def do_PATCH(self):
                with (registry._folder / Path(self.path).name).open("ab") as out:
                    out.write(self._body())
                    held = out.tell()
                self._took(202, self.path, held=held)

            def do_PUT(self):
                """The end of a blob, or a manifest under its tag."""
                where, _, query = self.path.partition("?")
                data = self._body()
                name, _, reference = where.removeprefix("/v2/").rpartition("/manifests/")
                if name:
                    registry._manifests[f"{name}:{reference}"] = data
                    self._took(201, where, _digest(data))
                    return
                digest = parse_qs(query)["digest"][0]
                held = registry._folder / Path(where).name
                with held.open("ab") as out:
                    out.write(data)
                held.rename(registry._folder / digest.replace(":", "-"))
                self._took(201, where, digest)

            def _body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = b""
                while size := int(self.rfile.readline(), 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found

            def _took(self, status, location, digest=None, held=None):
                self.send_response(status)
                self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                if digest:
                    self.send_header("Docker-Content-Digest", digest)
                if held is not None:  # the engine will not go on without it
                    self.send_header("Range", f"0-{held - 1}")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
