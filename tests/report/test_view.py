"""`arena view`: read-only, local, and following a run that goes on."""

import http.client
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.report import view
from tests.report.cast import cast
from tests.report.looking import look
from tests.report.make_run import make_run


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    run = make_run(tmp_path / "run", tasks=3, attempts=1, actors=cast()[:5])
    server = ThreadingHTTPServer((view.HOST, 0), view.handler(view.Viewer(run)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield run, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def get(port: int, path: str, *, method: str = "GET", host: str | None = None):
    connection = http.client.HTTPConnection(view.HOST, port, timeout=60)
    connection.request(method, path, headers={"Host": host} if host else {})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply, body.decode()


def sent(port, data):
    """What a client hears that sends these bytes and nothing more."""
    with socket.create_connection((view.HOST, port)) as sock:
        sock.settimeout(30)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        heard = b""
        with suppress(ConnectionError):
            while block := sock.recv(1 << 16):
                heard += block
    return heard


HEAD = b"\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET http://[x/ HTTP/1.1", b"400"),
        (b"GET http://[::1/version HTTP/1.1", b"400"),
        (b"GET / HTTP/9.9", b"505"),
        (b"GET / HTTP/a.b", b"400"),
        (b"GET", b"400"),
        (b"\x00\xff\xfe", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", b"414"),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 70_000, b"431"),
        (b"GET / HTTP/1.1" + b"\r\na: b" * 200, b"431"),
        (b"GET /%ff%00/%2e%2e HTTP/1.1", b"404"),
        (b"POST / HTTP/1.1", b"501"),
    ],
)
def test_a_malformed_request_is_refused_in_a_line(served, line, status, capfd):
    assert status in sent(served[1], line + HEAD)
    assert get(served[1], "/version")[0].status == 200
    assert capfd.readouterr().err == ""


def test_a_client_that_breaks_off_is_nothing_to_report(served, capfd):
    for data in (b"GET /report/index.html HTTP/1.1" + HEAD, b"GET /rep", b""):
        with socket.create_connection((view.HOST, served[1])) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(data)
    assert get(served[1], "/report/index.html")[0].status == 200
    assert capfd.readouterr().err == ""


def test_a_client_that_takes_its_time_is_left(served, monkeypatch, capfd):
    monkeypatch.setattr(view, "PATIENCE_S", 0.5)
    with socket.create_connection((view.HOST, served[1])) as sock:
        sock.settimeout(30)
        with suppress(ConnectionError):
            while True:  # a byte at a time, and never a whole line
                sock.sendall(b"a")
                if select.select([sock], [], [], 0.1)[0]:
                    break
    assert capfd.readouterr().err == ""


def test_it_serves_pages_and_files_and_writes_nothing(served):
    run, port = served
    before = sorted(p for p in run.rglob("*"))
    assert get(port, "/")[0].getheader("Location") == "/report/index.html"
    reply, body = get(port, "/report/index.html")
    assert reply.status == 200
    assert "summit-mini" in body
    trial = "core.interval-merge--summit-mini--1"
    assert "conversation" in get(port, f"/report/trials/{trial}.html")[1]
    reply, body = get(port, f"/trials/{trial}/transcript.jsonl")
    assert reply.getheader("Content-Type").startswith("text/plain")
    assert "sandbox" in reply.getheader("Content-Security-Policy")
    assert '"kind": "message"' in body
    assert sorted(p for p in run.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        "/manifest.json",
        "/ledger.jsonl",
        "/trials/../ledger.jsonl",
        "/trials/%2e%2e/manifest.json",
        "/trials/core.interval-merge--summit-mini--1/../../ledger.jsonl",
        "/trials/..%2f..%2fetc/patch.diff",
        "/report/trials/nobody.html",
        "/report/trials/../../manifest.json",
    ],
)
def test_nothing_else_is_served(served, path):
    assert get(served[1], path)[0].status == 404


def test_it_can_only_be_read(served):
    for method in ("POST", "PUT", "DELETE"):
        assert get(served[1], "/report/index.html", method=method)[0].status == 501
    reply, body = get(served[1], "/report/index.html", method="HEAD")
    assert (reply.status, body) == (200, "")


def test_other_names_for_this_machine_are_refused(served):
    port = served[1]
    assert get(port, "/report/index.html", host="evil.example:80")[0].status == 403
    assert get(port, "/version", host=f"localhost:{port}")[0].status == 200


def test_a_page_follows_its_run(browser, served):
    run, port = served
    ledger = run / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[: len(lines) // 2]))
    with look(browser, f"http://{view.HOST}:{port}/report/index.html") as seen:
        assert "lack a verdict" in seen.page.locator(".answer").inner_text()
        ledger.write_bytes(b"".join(lines))
        seen.page.get_by_text("lack a verdict").first.wait_for(state="detached", timeout=20_000)
        assert seen.troubles == []


def test_a_broken_ledger_is_said_and_not_fatal(served):
    run, port = served
    whole = (run / "ledger.jsonl").read_bytes()
    (run / "ledger.jsonl").write_bytes(b"nonsense\n" + whole)
    reply, body = get(port, "/report/index.html")
    assert reply.status == 503
    assert "line 1" in body
    (run / "ledger.jsonl").write_bytes(whole)
    assert get(port, "/report/index.html")[0].status == 200


def test_there_must_be_a_run(tmp_path):
    with pytest.raises(InputError, match="no run here"):
        view.serve(tmp_path, ready=print)
