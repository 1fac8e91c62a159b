"""Cases that need a whole run: the command line, a scripted endpoint, the ledger."""

import contextlib
import json
import shutil
import signal
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from tests.e2e.rig import arena, bakeoff, contestant, control, ours, run_id, start
from tests.servers.openai_stub import Stub, call

DOCKER = "/var/run/docker.sock"
PRICE = {"input": 2.0, "output": 8.0}


class Relay:
    """A way to the engine that can be cut, as if the engine had died."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(DOCKER)
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        self.path.unlink(missing_ok=True)
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def relay():
    folder = Path(tempfile.mkdtemp(prefix="relay"))
    relay = Relay(folder / "engine.sock")
    yield relay
    relay.cut()
    shutil.rmtree(folder)


def test_44_the_engine_dies_in_the_middle(tmp_path, relay):
    def script(request):
        if request.turn == 1:
            relay.cut()
        return call("bash", command="ls") if request.turn < 3 else call("submit")

    with Stub(script) as stub:
        bakeoff(
            tmp_path,
            [contestant("worker", stub.base_url, price=PRICE)],
            tasks=["core/interval-merge"],
        )
        args = ("run", "bakeoff.toml", "--format", "json")
        broken = start(*args, cwd=tmp_path, DOCKER_HOST=f"unix://{relay.path}")
        assert broken.stderr
        assert any("waiting for the engine" in line for line in broken.stderr)
        broken.send_signal(signal.SIGINT)
        broken.communicate(timeout=60)
        assert broken.returncode == 130
        report = arena("report", "runs/test", "--format", "json", cwd=tmp_path).json
        (trial,) = report["trials"]
        assert (trial["verdict"], trial["fault"]) == (None, "engine")
        spent = len(stub.served)
        assert spent >= 2

        whole = arena(*args, cwd=tmp_path)
        assert whole.code == 0, whole.err
    (trial,) = whole.json["trials"]
    assert (trial["verdict"], trial["fault"]) == ("no_patch", None)
    (row,) = whole.json["contestants"]
    assert row["tokens"]["input"] == sum(one.usage["prompt_tokens"] for one in stub.served)
    assert row["tokens"]["output"] == sum(one.usage["completion_tokens"] for one in stub.served)
    assert len(stub.served) == spent + 4
    assert ours(run_id(tmp_path / "runs" / "test")) == []


def test_36_no_key_in_anything_that_a_run_writes(tmp_path):
    key = "sk-canary-0d41be7f66"

    def script(request):
        if request.turn == 0:
            return call("bash", command="env; cat /proc/*/environ /proc/*/cmdline")
        return call("submit")

    with Stub(script) as stub:
        bakeoff(
            tmp_path,
            [
                contestant("worker", stub.base_url, price=PRICE, api_key_env="THE_KEY"),
                control("oracle"),
            ],
            tasks=["core/interval-merge"],
        )
        ended = arena("run", "bakeoff.toml", cwd=tmp_path, THE_KEY=key)
        assert stub.served[0].request.headers["authorization"] == f"Bearer {key}"
    assert ended.code == 0, ended.err
    assert key not in ended.out + ended.err
    written = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert {"ledger.jsonl", "transcript.jsonl", "verify.log"} <= {path.name for path in written}
    assert [path.name for path in written if key.encode() in path.read_bytes()] == []
    assert str(tmp_path) not in json.dumps(
        [path.read_text(errors="replace") for path in written if path.name == "transcript.jsonl"]
    )
