"""Before a run, every address is asked once; whatever answers, nothing breaks."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from arena.backend import pool
from arena.errors import InputError
from arena.records import BackendSpec
from tests.servers.openai_stub import Stub


def check(address):
    pool.check_endpoints([BackendSpec(name="s", model="m", base_url=address)])


@contextmanager
def answering(head, to_calls=None):
    """A server that answers every GET with these lines, and calls with others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.wfile.write(head + b"\r\n\r\n")

        def do_POST(self):
            self.wfile.write((to_calls or head) + b"\r\n\r\n")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_an_api_is_one_and_a_refusal_too():
    with Stub([]) as stub:
        check(stub.base_url)
    with answering(b"HTTP/1.0 401 no\r\nContent-Type: application/json") as address:
        check(address)


def test_a_proxy_for_the_world_is_none_for_this_machine(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Stub([]) as stub:
        check(stub.base_url)


def test_a_web_page_is_no_api():
    page = b"HTTP/1.0 200 ok\r\nContent-Type: text/html"
    with answering(page) as address, pytest.raises(InputError, match="web page"):
        check(address)


def test_an_api_without_a_list_of_models_is_one():
    page = b"HTTP/1.0 404 no\r\nContent-Type: text/html"
    refusal = b"HTTP/1.0 400 no\r\nContent-Type: application/json"
    with answering(page, refusal) as address:
        check(address)


@pytest.mark.parametrize(
    "head",
    [
        *(
            b"HTTP/1.0 302 on\r\nLocation: " + to
            for to in (b"http://[::1", b"http://h:x/", b"ftp:")
        ),
        b"HTTP/1.0 302 on\r\nLocation: http://" + b"a" * 64,
        b"SSH-2.0-x",
        b"HTTP/1.0 abc",
        b"",
    ],
)
def test_what_sends_on_to_nowhere_or_is_no_http_is_named(head):
    with answering(head) as address, pytest.raises(InputError, match="cannot be reached") as caught:
        check(address)
    assert f"backend s, base_url {address}" in caught.value.line()


def test_nothing_there():
    with Stub([]) as stub:
        address = stub.base_url
    with pytest.raises(InputError, match="cannot be reached"):
        check(address)
