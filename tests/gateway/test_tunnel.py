"""The tunnel and its forwarder, a real program at the other end of a socket pair."""

import queue
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from arena.errors import EngineError
from arena.gateway import tunnel
from arena.gateway.tunnel import CLOSE, DATA, FORWARDER, FRAME_LIMIT_BYTES, HEAD, OPEN, READY


class ProgramPipe:
    """`arena.protocols.Pipe` of a program on this machine."""

    def __init__(self, program):
        self.sock, output = socket.socketpair()
        self.input, given = socket.socketpair()
        self.sock.setblocking(False)
        self.input.setblocking(False)
        with output, given:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", program], stdin=given, stdout=output
            )
        self._unsent = b""

    def fileno(self):
        return self.sock.fileno()

    @property
    def unsent(self):
        return len(self._unsent)

    def send(self, data, *, last=False):
        self._unsent += data
        try:
            while self._unsent:
                self._unsent = self._unsent[self.input.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:  # it ended; reading tells
            self._unsent = b""

    def read(self, deadline):
        if not select.select([self.sock], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionError:
            data = b""
        return [(1, data)] if data else []

    def close(self):
        self.process.kill()
        self.process.wait()
        self.sock.close()
        self.input.close()


class Echo:
    """A server that answers what it hears, and counts its connections."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.opened, self.ended = 0, threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.opened += 1
            threading.Thread(target=self._echo, args=(sock,), daemon=True).start()

    def _echo(self, sock):
        with sock, suppress(ConnectionError):
            while data := sock.recv(1 << 16):
                sock.sendall(data)
        self.ended.release()

    def connect(self):
        return socket.create_connection(self.sock.getsockname())


@contextmanager
def program(source):
    pipe = ProgramPipe(source)
    try:
        yield pipe
    finally:
        pipe.close()


@contextmanager
def port_of(pipe, connect, broke=pytest.fail):
    """The port inside the container of a tunnel from there."""
    with tunnel.Tunnel(pipe, connect, broke) as opened:
        yield opened.port


@contextmanager
def echoing():
    """A tunnel through the real forwarder to an echo server; gives the server and the port."""
    echo = Echo()
    with echo.sock, program(FORWARDER) as pipe, port_of(pipe, echo.connect) as port:
        yield echo, port


def client(port):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(20)
    return sock


def receive(sock, size):
    got = bytearray()
    while len(got) < size and (data := sock.recv(1 << 16)):
        got += data
    return bytes(got)


@pytest.fixture
def broken(monkeypatch):
    """What threads died of."""
    found = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    return found


def test_what_is_said_inside_comes_back_whole_over_many_connections():
    with echoing() as (echo, port), ExitStack() as stack:
        socks = [stack.enter_context(client(port)) for _ in range(5)]
        said = [bytes([number]) * 700_000 for number in range(5)]
        senders = [
            threading.Thread(target=sock.sendall, args=(data,))
            for sock, data in zip(socks, said, strict=True)
        ]
        for sender in senders:
            sender.start()
        assert [receive(sock, 700_000) for sock in socks] == said
        for sender in senders:
            sender.join()
    assert echo.opened == 5


def test_who_leaves_inside_leaves_outside_too():
    with echoing() as (echo, port):
        with client(port) as sock:
            sock.sendall(b"hello")
            assert receive(sock, 5) == b"hello"
        assert echo.ended.acquire(timeout=20)


def test_a_tunnel_ends_with_connections_still_open(broken):
    with ExitStack() as stack:
        with echoing() as (echo, port):
            socks = [stack.enter_context(client(port)) for _ in range(3)]
            for sock in socks:
                sock.sendall(b"x")
                assert receive(sock, 1) == b"x"
        for _ in socks:
            assert echo.ended.acquire(timeout=20), "the gateway's end is closed"
    assert broken == []


def test_who_does_not_read_holds_nobody_up(broken):
    with echoing() as (_, port), client(port) as lazy, client(port) as quick:
        lazy.settimeout(1)
        with suppress(TimeoutError):
            lazy.sendall(b"z" * 20_000_000)
        quick.sendall(b"hello")
        assert receive(quick, 5) == b"hello"
    assert broken == []


WRITES = (
    "import sys, struct, time\nsys.stdout.buffer.write({!r})\nsys.stdout.flush()\ntime.sleep(60)"
)
READY_FRAME = HEAD.pack(READY, 4242, 0)
OPEN_FRAME = HEAD.pack(OPEN, 1, 0)


@pytest.mark.parametrize(
    ("frames", "opened"),
    [
        (HEAD.pack(9, 1, 0), 0),
        (HEAD.pack(DATA, 1, FRAME_LIMIT_BYTES + 1), 0),
        (b"\x00" * 64, 0),
        (OPEN_FRAME + OPEN_FRAME, 1),
    ],
)
def test_broken_frames_end_the_tunnel_and_nothing_else(broken, frames, opened):
    echo = Echo()
    with (
        echo.sock,
        program(WRITES.format(READY_FRAME + frames)) as pipe,
        port_of(pipe, echo.connect) as port,
    ):
        assert port == 4242
        for _ in range(opened):
            assert echo.ended.acquire(timeout=20), "what was open is closed"
    assert echo.opened == opened
    assert broken == []


def opens_at_last(echo, count):
    deadline = time.monotonic() + 20
    while echo.opened < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return echo.opened


def test_connections_beyond_the_limit_are_closed_at_once(broken):
    with echoing() as (echo, port), ExitStack() as stack:
        socks = [stack.enter_context(client(port)) for _ in range(tunnel.CONNECTIONS + 1)]
        assert opens_at_last(echo, tunnel.CONNECTIONS) == tunnel.CONNECTIONS
        readable, _, _ = select.select(socks, [], [], 20)
        assert [sock.recv(1) for sock in readable] == [b""]
    assert broken == []


def test_who_sends_more_than_the_gateway_takes_is_cut_off(monkeypatch, broken):
    monkeypatch.setattr(tunnel, "HELD_LIMIT_BYTES", 1_000_000)
    deaf = socket.create_server(("127.0.0.1", 0))
    with (
        deaf,
        program(FORWARDER) as pipe,
        port_of(pipe, lambda: socket.create_connection(deaf.getsockname())) as port,
        client(port) as greedy,
        pytest.raises(ConnectionError),
    ):
        greedy.sendall(b"z" * 100_000_000)
    assert broken == []


def test_data_for_a_connection_that_nobody_opened_goes_nowhere():
    echo = Echo()
    stray = HEAD.pack(DATA, 7, 1) + b"x" + HEAD.pack(CLOSE, 7, 0)
    with echo.sock, program(WRITES.format(READY_FRAME + stray + OPEN_FRAME)) as pipe:
        with port_of(pipe, echo.connect):
            opens_at_last(echo, 1)
        assert echo.ended.acquire(timeout=20)
    assert echo.opened == 1


@pytest.mark.parametrize("source", ["raise SystemExit(1)", "print('no frame')"])
def test_a_forwarder_that_does_not_start_is_a_fault_of_the_engine(source, broken):
    with (
        program(source) as pipe,
        pytest.raises(EngineError, match="did not start"),
        port_of(pipe, Echo().connect),
    ):
        pass
    assert broken == []


def test_what_of_ours_ends_a_tunnel_is_told():
    told = queue.Queue()

    def connect():
        raise OSError("too many open files")

    with program(FORWARDER) as pipe, port_of(pipe, connect, told.put) as port, client(port):
        assert "too many" in str(told.get(timeout=20))


def test_frames_are_read_in_whatever_pieces_they_arrive():
    said = OPEN_FRAME + HEAD.pack(DATA, 1, 3) + b"abc" + HEAD.pack(CLOSE, 1, 0)
    frames = tunnel.Frames()
    got = [frame for byte in said for frame in frames.feed(bytes([byte]))]
    assert got == [(OPEN, 1, b""), (DATA, 1, b"abc"), (CLOSE, 1, b"")]
