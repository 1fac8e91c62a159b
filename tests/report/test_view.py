"""`arena view`: read-only, local, and following a run that goes on."""

import http.client
import threading
from collections.abc import Iterator
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
        assert "have a verdict" in seen.page.locator(".answer").inner_text()
        ledger.write_bytes(b"".join(lines))
        seen.page.get_by_text("have a verdict").wait_for(state="detached", timeout=20_000)
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
