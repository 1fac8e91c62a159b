"""Opening and losing engines, and what is left when a process is interrupted or dies."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arena.errors import EngineError
from arena.records import SandboxLimits
from arena.sandbox import owner
from arena.sandbox.engine import DockerEngine
from arena.sandbox.owner import LABEL_OWNER, Owner

LIMITS = SandboxLimits(memory_mb=128, disk_mb=64)
USER = "10001:10001"
REPOSITORY = Path(__file__).parents[2]


def with_label(engine, label):
    return engine.connection.raw.containers(all=True, filters={"label": [label]})


def gone(engine, label, seconds=15.0):
    deadline = time.monotonic() + seconds
    while with_label(engine, label) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not with_label(engine, label)


class Proxy:
    """A unix socket in front of the engine's, which can be cut."""

    def __init__(self, folder, target):
        self.path = str(folder / "proxy.sock")
        self._target = target
        self._links = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        os.unlink(self.path)
        for link in self._links:
            link.shutdown(socket.SHUT_RDWR)

    def _serve(self):
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._links += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_nothing_is_asked_of_the_engine_before_it_is_used():
    with DockerEngine("unix:///nonexistent/docker.sock"):
        pass


@pytest.mark.parametrize("host", ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:9"])
def test_no_engine_is_one_clear_line(host):
    with pytest.raises(
        EngineError, match=r"no container engine answers at .*; start Docker"
    ) as caught:
        DockerEngine(host).check()
    assert "\n" not in str(caught.value)


def test_an_image_that_is_not_there_is_an_error(engine):
    with (
        pytest.raises(EngineError, match="no-such-image"),
        engine.open("no-such-image:1", limits=LIMITS, labels={}, user=USER),
    ):
        pass


@pytest.mark.parametrize("channel", [False, True])
def test_an_engine_that_goes_away_is_a_fault(image, engine, tmp_path, channel):
    proxy = Proxy(tmp_path, engine.connection.where.removeprefix("unix://"))
    label = {"arena.test": f"cut-{os.getpid()}"}
    lost = DockerEngine(f"unix://{proxy.path}")
    with lost.open(image, limits=LIMITS, labels=label, user=USER, channel=channel) as box:
        assert box.exec(["true"], timeout_s=10).exit_code == 0
        threading.Timer(1.0, proxy.cut).start()
        with pytest.raises(EngineError, match="no container engine answers"):
            box.exec(["sleep", "30"], timeout_s=30)
        with pytest.raises(EngineError, match="no container engine answers"):
            box.get("/repo/file", limit=10)
    with pytest.raises(EngineError):
        lost.close()
    for fields in with_label(engine, f"arena.test=cut-{os.getpid()}"):
        engine.connection.raw.remove_container(fields["Id"], force=True)


@pytest.mark.parametrize("channel", [False, True])
def test_a_container_ended_from_outside_is_a_fault(image, engine, channel):
    with engine.open(image, limits=LIMITS, labels={}, user=USER, channel=channel) as box:
        kill = threading.Timer(1.0, engine.connection.raw.kill, [box.where.ident])
        kill.start()
        with pytest.raises(EngineError, match="ended from outside"):
            box.exec(["sleep", "30"], timeout_s=30)
        kill.join()
        with pytest.raises(EngineError, match="ended from outside"):
            box.exec(["true"], timeout_s=30)


def test_a_container_removed_from_outside_is_a_fault(image, engine):
    with engine.open(image, limits=LIMITS, labels={}, user=USER) as box:
        engine.connection.raw.remove_container(box.where.ident, force=True)
        with pytest.raises(EngineError):
            box.exec(["true"], timeout_s=30)


def test_closing_waits_until_all_is_removed(image, engine):
    label = f"close-{os.getpid()}"
    with DockerEngine() as other:
        for _ in range(3):
            with other.open(image, limits=LIMITS, labels={"arena.test": label}, user=USER):
                pass
    assert with_label(engine, f"arena.test={label}") == []


def test_closing_removes_what_was_never_closed(image, engine):
    label = f"lost-{os.getpid()}"
    with DockerEngine() as other:
        context = other.open(image, limits=LIMITS, labels={"arena.test": label}, user=USER)
        context.__enter__()
        assert len(with_label(engine, f"arena.test={label}")) == 1
    assert with_label(engine, f"arena.test={label}") == []


def process(image, label, ending):
    """A Python process that opens sandboxes in two threads and says so."""
    script = f"""
        import signal, sys, threading
        # A test run in the background ignores SIGINT, and its children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from arena.records import SandboxLimits
        from arena.sandbox.engine import DockerEngine
        both = threading.Barrier(3)
        def work(engine):
            with engine.open({image!r}, limits=SandboxLimits(memory_mb=128), labels={{"arena.test": {label!r}}}, user={USER!r}, channel=True) as box:
                both.wait()
                box.exec(["sleep", "60"], timeout_s=60)
        with DockerEngine() as engine:
            for _ in range(2):
                threading.Thread(target=work, args=[engine], daemon=True).start()
            both.wait()
            print("open", flush=True)
            {ending}
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def test_an_interrupt_leaves_nothing(image, engine):
    label = f"interrupt-{os.getpid()}"
    started = process(image, label, "threading.Event().wait()")
    assert started.stdout.readline() == "open\n"
    assert len(with_label(engine, f"arena.test={label}")) == 2
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert with_label(engine, f"arena.test={label}") == []


def test_the_reaper_removes_what_a_dead_process_left(image, engine):
    label = f"dead-{os.getpid()}"
    started = process(image, label, "threading.Event().wait()")
    assert started.stdout.readline() == "open\n"
    mine = {"arena.test": label, "arena.mine": "1"}
    with engine.open(image, limits=LIMITS, labels=mine, user=USER) as box:
        engine.reap()
        assert len(with_label(engine, f"arena.test={label}")) == 3
        started.kill()
        started.communicate(timeout=60)
        assert len(engine.reap()) >= 2
        assert [one["Id"] for one in with_label(engine, f"arena.test={label}")] == [box.where.ident]
        assert box.exec(["true"], timeout_s=10).exit_code == 0


def test_the_reaper_leaves_what_it_cannot_judge(image, engine):
    here = Owner.current()
    labels = {
        "other machine": here.model_copy(update={"machine": "other", "boot": "other"}).label(),
        "other space": here.model_copy(update={"pid_space": "other", "started": "0"}).label(),
        "unreadable": "{}",
    }
    raw = engine.connection.raw
    made = [
        raw.create_container(image, labels={LABEL_OWNER: label})["Id"] for label in labels.values()
    ]
    try:
        engine.reap()
        assert {raw.inspect_container(ident)["Id"] for ident in made} == set(made)
    finally:
        for ident in made:
            raw.remove_container(ident)


def test_a_mark_that_is_forgotten_meanwhile_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    owner.mark("a digest")
    (mark,) = tmp_path.rglob("*.json")
    mark.with_name("0.json").symlink_to("gone")
    assert owner.last_used("a digest") == mark.stat().st_mtime


def test_who_is_dead():
    here = Owner.current()
    assert not here.is_dead(here)
    assert here.model_copy(update={"boot": "earlier"}).is_dead(here)
    assert here.model_copy(update={"started": "0"}).is_dead(here)
    assert here.model_copy(update={"pid": 2**22 + 1}).is_dead(here)
    assert Owner.model_validate_json(here.label()) == here


def test_a_full_disk_is_told_as_such():
    class Full(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"message": "write /var/lib/x: no space left on device"}'
            self.send_response(500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Full)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(EngineError, match=r"disk is full.*arena sandboxes prune"):
        DockerEngine(f"tcp://127.0.0.1:{server.server_port}").check()
    server.shutdown()
    server.server_close()
