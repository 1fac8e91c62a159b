"""`arena view`: a run served read-only on 127.0.0.1, its pages made from the ledger when asked for.

Requests that name another host are refused, so that no web page can read a run through a name of
its own.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from arena.errors import ArenaError
from arena.report import site
from arena.report.scored import Scored, page_name, score
from arena.rundir.directory import RunDir
from arena.score.load import load

HOST = "127.0.0.1"
HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
PATIENCE_S = 10.0
"""For a client to send a whole request, and to take any of its answer."""
RAW_POLICY = "default-src 'none'; sandbox"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class ViewerReply:
    """What a path leads to."""

    body: bytes
    kind: str = HTML
    status: HTTPStatus = HTTPStatus.OK
    location: str = ""


class Viewer:
    """Pages of one run, scored anew when its ledger has grown."""

    def __init__(self, run: Path) -> None:
        self._run = RunDir(run)
        self._lock = threading.Lock()
        self._last: tuple[str, Scored, bytes] | None = None
        """Version, scores and page."""

    def answer(self, path: str) -> ViewerReply:
        """Page, file or redirect at a path."""
        try:
            parts = unquote(urlsplit(path).path).split("/")
        except ValueError:
            return ViewerReply(b"not an address", TEXT, HTTPStatus.BAD_REQUEST)
        try:
            return self._answer([part for part in parts if part])
        except ArenaError as error:
            return ViewerReply(str(error).encode(), TEXT, HTTPStatus.SERVICE_UNAVAILABLE)

    def _answer(self, parts: list[str]) -> ViewerReply:
        match parts:
            case []:
                return ViewerReply(b"", status=HTTPStatus.FOUND, location="/report/index.html")
            case ["version"]:
                return ViewerReply(self._ledger_version().encode(), TEXT)
            case ["report", "index.html"]:
                return ViewerReply(self._current()[1])
            case ["report", "trials", name]:
                results = self._current()[0].results
                for row in results.trials:
                    if page_name(row.id) == name:
                        return ViewerReply(site.render_trial(results, row.id).encode())
            case ["trials", trial_id, name] if name in site.FILES:
                path = self._run.trial_dir(trial_id) / name
                known = {row.id for row in self._current()[0].results.trials}
                if trial_id in known and path.is_file():
                    return ViewerReply(path.read_bytes(), TEXT)
        return ViewerReply(b"not found", TEXT, HTTPStatus.NOT_FOUND)

    def _current(self) -> tuple[Scored, bytes]:
        with self._lock:
            version = self._ledger_version()
            if self._last is None or version != self._last[0]:
                scored = score(load(self._run.path))
                self._last = (version, scored, site.render(scored, live=version).encode())
            return self._last[1:]

    def _ledger_version(self) -> str:
        """Changes whenever the ledger or the manifest does."""
        stats = []
        for path in (self._run.manifest_path, self._run.ledger_path):
            with suppress(FileNotFoundError):
                stat = path.stat()
                stats.append(f"{stat.st_size}.{stat.st_mtime_ns}")
        return "-".join(stats)


def serve(run: Path, *, port: int = 0, ready: Callable[[str], None]) -> None:
    """Serve a run directory until interrupted, on a free port where it is 0; `ready` is called once
    with the address.

    Raises:
        InputError: there is no run.
    """
    RunDir(run).read_manifest()
    with ThreadingHTTPServer((HOST, port), handler(Viewer(run))) as server:
        ready(f"http://{HOST}:{server.server_port}/")
        server.serve_forever()


def handler(viewer: Viewer) -> type[BaseHTTPRequestHandler]:
    """A request handler for one run."""

    class ViewHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE_S

        def handle_one_request(self) -> None:
            late = threading.Timer(PATIENCE_S, self._read_no_more)
            late.start()
            try:
                super().handle_one_request()
            except OSError:  # the client is gone
                self.close_connection = True
            finally:
                late.cancel()

        def do_GET(self) -> None:
            self._reply(viewer.answer(self.path) if self._is_local() else _FORBIDDEN)

        do_HEAD = do_GET  # noqa: N815 - as the server calls it

        def _read_no_more(self) -> None:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RD)

        def _is_local(self) -> bool:
            host = self.headers.get("Host", "").rpartition(":")[0]
            return host in {HOST, "localhost"}

        def _reply(self, answer: ViewerReply) -> None:
            told = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body)), **HEADERS}
            if answer.location:
                told["Location"] = answer.location
            if answer.kind == TEXT:
                told["Content-Security-Policy"] = RAW_POLICY
            self.send_response(answer.status)
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return ViewHandler


_FORBIDDEN = ViewerReply(b"this address is only for the machine itself", TEXT, HTTPStatus.FORBIDDEN)
