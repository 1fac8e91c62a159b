"""An endpoint that is down, a clock set back, a copy, a second run, broken lines, a full disk."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from arena.rundir.ledger import CallBeginEvent, CallEndEvent, TrialBegin, TrialEnd
from tests.e2e import rig
from tests.servers.openai_stub import Stub, fault
from tests.survival.rig import (
    ONE_TRIAL,
    Endpoint,
    Run,
    check_money,
    check_whole,
    fill_disk,
    leftovers,
    write_bakeoff,
)

AGAIN = "run the same command again to go on with runs/test"


class Line:
    """A port in front of an endpoint; while it is cut, nobody listens there."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._links: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._serve(self._server)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def cut(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        links, self._links = self._links, []
        for link in links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._serve(self._server)

    def _serve(self, server: socket.socket) -> None:
        def accept() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                far = socket.create_connection(("127.0.0.1", self._target))
                self._links += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

        def copy(source: socket.socket, sink: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("down_s", [5, pytest.param(120, marks=pytest.mark.slow)])
def test_an_endpoint_that_is_down_for_a_while(tmp_path, down_s):
    with Endpoint(lambda: 0.2) as endpoint:
        line = Line(int(endpoint.url.rpartition(":")[2]))
        write_bakeoff(tmp_path, line.base_url, tasks=2, attempts=1)
        run = Run(tmp_path)
        process = run.start()
        run.wait(lambda: len(endpoint.served) >= 2, process)
        line.cut()
        time.sleep(down_s)
        line.mend()
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert "connection" in err
        check_whole(run)
        check_money(run, endpoint)
        if down_s < 10:
            assert run.count(TrialBegin) == 2, "waiting is not a fault"
        refused = [e.call for e in run.events() if isinstance(e, CallEndEvent) and not e.call.sent]
        assert refused
        assert all(call.outcome == "connection" for call in refused)


SLEEP = """\
import select, time
time.sleep = lambda seconds: select.select([], [], [], max(0.0, seconds))
"""
"""libfaketime 0.9.10 lets `clock_nanosleep` fail with EINVAL for the monotonic clock."""


@pytest.fixture(scope="session")
def clock_library() -> str:
    """libfaketime, from the package mirror where it is not there."""
    found = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "libfaketime"]):
            subprocess.run(["apt-get", "-qq", *command], check=True, capture_output=True)
        found = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return str(found[0])


def test_a_clock_set_back_changes_nothing(tmp_path, clock_library):
    """By an hour between two moments of the run, and by a day before it is resumed."""
    rc = tmp_path / "clock"
    rc.write_text("+0")
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SLEEP)
    env = {
        "PYTHONPATH": f"{site}:{os.environ.get('PYTHONPATH', '')}",
        "LD_PRELOAD": clock_library,
        "FAKETIME_TIMESTAMP_FILE": str(rc),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with Endpoint(lambda: 0.1, free=ONE_TRIAL) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=2, attempts=2)
        run = Run(tmp_path, "--concurrency", "1", **env)
        process = run.start()
        run.wait(lambda: run.count(TrialEnd) >= 1, process)
        rc.write_text("-1h")
        endpoint.release(ONE_TRIAL)
        run.wait(lambda: run.count(TrialEnd) >= 2, process)
        process.kill()
        process.communicate()
        rc.write_text("-1d")
        endpoint.release()
        ended = run.finish()
        assert ended.code == 0, ended.err
        at = [e.call.started_at for e in run.events() if isinstance(e, CallBeginEvent)]
        assert (max(at) - min(at)).total_seconds() > 80_000
        assert at != sorted(at)
        check_whole(run)
        check_money(run, endpoint)
        for row in run.results().trials:
            assert 0 < row.active_s <= row.wall_s < 80_000


def test_a_copy_made_while_running_is_a_run(tmp_path):
    with Endpoint(lambda: 0.05) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=2, attempts=3)
        run = Run(tmp_path)
        process = run.start()
        for number in range(1, 4):
            run.wait(lambda number=number: run.count(TrialEnd) >= number, process)
            copy = tmp_path / f"copy-{number}"
            shutil.copytree(run.path, copy)
            ended = rig.arena("report", str(copy), "--format", "json", cwd=tmp_path)
            assert ended.code == 0, ended.err
            verdicts = [t["verdict"] for t in ended.json["trials"]]
            assert len(verdicts) == 6
            assert verdicts.count("passed") >= number
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        check_whole(run)


def test_a_second_run_on_a_directory_is_refused(tmp_path):
    tried = threading.Event()
    with Endpoint(lambda: 0.0 * tried.wait(120)) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=1)
        run = Run(tmp_path)
        process = run.start()
        run.wait(lambda: run.count(TrialBegin) == 1, process)
        second = run.finish()
        tried.set()
        assert second.code == 2
        assert second.err.count("\n") == 1
        assert f"process {process.pid} is writing this run" in second.err
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        check_whole(run)
        check_money(run, endpoint)


def test_broken_lines(tmp_path):
    """A torn end is mended; two lines that ran into each other are named, and nothing is run."""
    with Endpoint(free=ONE_TRIAL) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=2)
        run = Run(tmp_path, "--concurrency", "1")
        process = run.start()
        run.wait(lambda: run.count(TrialEnd) == 1, process)
        process.kill()
        process.communicate()
        endpoint.release()
        whole = run.ledger.read_bytes()
        run.ledger.write_bytes(whole + b'{"kind":"call_begin","call":{"call_id":"77')
        report = rig.arena("report", "runs/test", "--format", "json", cwd=tmp_path)
        assert report.code == 0, report.err
        ended = run.finish()
        assert ended.code == 0, ended.err
        assert b'"call_id":"77' in (run.path / "ledger.torn").read_bytes()
        check_whole(run)
        check_money(run, endpoint)
        lines = run.ledger.read_bytes().splitlines(keepends=True)
        mixed = lines[3][:20] + lines[4][:-1] + lines[3][20:]
        run.ledger.write_bytes(b"".join([*lines[:3], mixed, *lines[5:]]))
        served = len(endpoint.served)
        for args in (("report", "runs/test"), ("run", "bakeoff.toml")):
            refused = rig.arena(*args, cwd=tmp_path)
            assert refused.code == 2
            last = refused.err.strip().splitlines()[-1]
            assert re.match(r"arena: .*ledger\.jsonl: line 4 is not an event", last)
        assert len(endpoint.served) == served
        assert leftovers(run.run_id)["containers"] == []


@contextmanager
def small_disk(folder: Path, size: str):
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_under_the_ledger(tmp_path):
    """The run stops with one line; when there is room again it goes on as if nothing had been."""
    with small_disk(tmp_path / "runs", "4m") as disk, Endpoint(free=ONE_TRIAL) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=2, attempts=2)
        run = Run(tmp_path, "--concurrency", "1")
        process = run.start()
        run.wait(lambda: run.count(TrialEnd) >= 1, process)
        ballast = fill_disk(disk)
        endpoint.release()
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert "Traceback" not in err
        last = err.strip().splitlines()[-1]
        assert re.fullmatch(
            rf"arena: fault \(harness\): .*No space left on device; {AGAIN}", last
        ), err
        assert leftovers(run.run_id)["containers"] == []
        ballast.unlink()
        ended = run.finish()
        assert ended.code == 0, ended.err
        check_whole(run)
        check_money(run, endpoint)


def test_a_fault_does_not_wait_for_a_reply(tmp_path):
    with (
        small_disk(tmp_path / "runs", "4m") as disk,
        Endpoint(lambda: 0.05) as endpoint,
        Stub(lambda _: fault("hang")) as silent,
    ):
        write_bakeoff(tmp_path, endpoint.base_url, tasks=2, attempts=4)
        toml = tmp_path / "bakeoff.toml"
        toml.write_text(toml.read_text() + rig.contestant("silent", silent.base_url))
        process = Run(tmp_path, "--concurrency", "3").start()
        run = Run(tmp_path)
        run.wait(lambda: run.count(TrialEnd) >= 1 and any(r.raw for r in silent.requests), process)
        fill_disk(disk)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 3, err
        assert err.strip().endswith(AGAIN)
        assert leftovers(run.run_id)["containers"] == []


def test_a_terminated_run_leaves_nothing(tmp_path):
    """As when a CI job is cancelled."""
    with Endpoint(lambda: 0.3) as endpoint:
        write_bakeoff(tmp_path, endpoint.base_url, tasks=1, attempts=2)
        run = Run(tmp_path)
        process = run.start()
        run.wait(lambda: endpoint.served, process)
        process.terminate()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert err.strip().endswith(AGAIN)
        assert leftovers(run.run_id)["containers"] == []
        assert run.finish().code == 0
        check_whole(run)
        check_money(run, endpoint)
