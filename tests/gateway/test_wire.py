"""Bytes that a trial sends before, beside and behind a request's body: none are held without end."""

import gzip
import json
import re
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from arena.gateway.server import HEAD_LIMIT_BYTES, ProxyBackend
from arena.records import Limits, SandboxLimits
from arena.records.container import AGENT_USER, HOME, LAYER_PYTHON
from arena.records.program import Install
from arena.sandbox.image.images import Images
from arena.sandbox.image.layer import Layers
from arena.task import pack
from tests.gateway.rig import PATHS, request, sessions
from tests.servers.openai_stub import text

POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
WAITS = POST + b"Authorization: Bearer @\r\nContent-Length: 2\r\n\r\n{}"
ATTACKS = {
    "request line": (b"GET /", b"a" * 1000),
    "blank lines": (b"", b"\r\n" * 500),
    "header lines": (POST, b"a: b\r\n" * 100),
    "one header": (POST + b"a: ", b"b" * 1000),
    "header name": (POST, b"b" * 1000),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n" * 100),
    "one trailer": (CHUNKED + b"0\r\na: ", b"b" * 1000),
    "one trailer behind a long body": (
        CHUNKED + b"400000\r\n%s\r\n" % bytes(0x400000) * 16 + b"0\r\na: ",
        b"b" * 1000,
    ),
    "chunk extension": (CHUNKED + b"1;", b"b" * 1000),
    "tiny chunks": (CHUNKED, b"1;abcdefgh\r\na\r\n" * 100),
    "pipelined": (WAITS, GET * 50),
}


def flood(address, begin, more, most):
    """Bytes sent until the other side hung up, at most so many."""
    sent = 0
    with socket.create_connection(address) as sock, suppress(ConnectionError):
        sock.settimeout(20)
        sock.sendall(begin)
        while sent < most:
            sock.sendall(more)
            sent += len(more)
        with suppress(ConnectionError):
            while sock.recv(1 << 16):
                pass
    return sent


def slowly(_):
    return text("ok", delay_s=3)


@pytest.mark.parametrize("what", ATTACKS)
def test_a_connection_ends_that_sends_more_than_a_request_needs(what):
    begin, more = ATTACKS[what]
    with sessions(slowly) as made, made.open() as (session, asking):
        whole = json.dumps(request("chat")).encode()
        waits = POST + b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
        begin = begin.replace(WAITS, waits % (session.token.encode(), len(whole), whole))
        assert flood(made.gateway.address, begin, more, 50_000_000) < 50_000_000
        assert asking.post().status_code == 200
        assert session.fault is None


def test_what_agents_send_is_let_through():
    with sessions(lambda _: text("ok")) as made, made.open() as (_, asking):
        large = [{"role": "user", "content": "x" * 3_000_000}]
        body = json.dumps(request("chat") | {"messages": large}).encode()
        for size in (64, 4096, 1 << 20):
            chunks = (body[at : at + size] for at in range(0, len(body), size))
            assert asking.client.post(PATHS["chat"], content=chunks).status_code == 200
        many = {f"x-stainless-{number}": "y" * 200 for number in range(60)}
        assert asking.client.post(PATHS["chat"], content=body, headers=many).status_code == 200
        assert HEAD_LIMIT_BYTES > 60 * 220


def test_a_compressed_body_is_not_unpacked():
    packed = gzip.compress(b" " * 100_000_000)
    with sessions([text("ok")]) as made, made.open() as (session, asking):
        got = asking.client.post(
            PATHS["chat"], content=packed, headers={"content-encoding": "gzip"}
        )
        assert (got.status_code, "not JSON" in got.text) == (400, True)
        assert asking.post().status_code == 200
        assert session.fault is None


ATTACKER = """
import os, socket, sys, threading, time
port, attacks = int(sys.argv[1]), eval(sys.stdin.read())
def flood(begin, more, most):
    try:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(begin)
            sent = 0
            while sent < most:
                sock.sendall(more)
                sent += len(more)
            sock.settimeout(5)
            while sock.recv(65536):
                pass
    except OSError:
        pass
def drip(begin):
    try:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(begin)
            while True:
                sock.sendall(b"x")
                time.sleep(1)
    except OSError:
        pass
for begin, more in attacks[:-1]:
    threads = [threading.Thread(target=flood, args=(begin, more, 20_000_000)) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print("flooded", flush=True)
for _ in range(64):
    threading.Thread(target=drip, args=(attacks[-1][0],), daemon=True).start()
time.sleep(5)
print("dripped", flush=True)
os._exit(0)
"""


def memory_kb(name):
    return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


@pytest.mark.timeout(600)
def test_a_container_cannot_fill_the_host_through_its_tunnel(engine):
    """Without a token, from many connections at once; another trial does not notice."""
    images = Images(engine, pack.tree_files)
    image = images.ensure_languages(["python"])["python"].id
    layer = Layers(engine.connection).ensure(
        "wire", Install(), images.ensure_base(), lambda _: None
    )
    body = (POST + b"Content-Length: 100000\r\n\r\n", b"")
    # One more waits for a token, and one's first bytes are more than this process is to grow by
    attacks = [pair for pair in ATTACKS.values() if pair[0] != WAITS and len(pair[0]) < 1000]
    attacks.append(body)
    limits = Limits(steps=100_000)
    with (
        sessions(lambda _: text("ok"), limits=limits) as made,
        made.open("other") as (_, asking),
    ):
        proxy = ProxyBackend(made.gateway, made.rig.trial("bad"))
        codes, over = [], threading.Event()

        def work():
            while not over.wait(0.05):
                codes.append(asking.post(stream=True).status_code)

        with (
            engine.open(
                image,
                limits=SandboxLimits(),
                labels={},
                user=AGENT_USER,
                workdir=HOME,
                layer=layer.id,
            ) as box,
            proxy.open(box) as session,
        ):
            Path("/proc/self/clear_refs").write_text("5")  # begin the peak anew
            before = memory_kb("VmRSS")
            worker = threading.Thread(target=work)
            worker.start()
            port = session.origin.rpartition(":")[2]
            done = box.exec(
                [LAYER_PYTHON, "-I", "-c", ATTACKER, port],
                timeout_s=300,
                stdin=repr(attacks).encode(),
            )
            over.set()
            worker.join()
        grown_mb = (memory_kb("VmHWM") - before) / 1000
        assert done.text.split() == ["flooded", "dripped"], done.text
        assert grown_mb < 200, grown_mb
        assert set(codes) == {200}
        assert len(codes) > 20
