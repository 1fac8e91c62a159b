"""The engine's stream in arbitrary pieces, and what a hostile agent can do to the shell it shares:
break it, for its own account alone.
"""

import itertools
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.records import SandboxLimits
from arena.sandbox.docker import hijacked
from arena.sandbox.exec import STDERR, STDOUT, Capture, Demux, ExecLink, line

PIECES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=50)))


def frame(stream, data):
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def cut(data, at):
    edges = sorted({0, len(data), *(point % (len(data) + 1) for point in at)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(PIECES, st.lists(st.integers(min_value=0)))
def test_frames_come_apart_however_they_arrive(pieces, at):
    demux = Demux()
    got = {STDOUT: b"", STDERR: b""}
    for chunk in cut(b"".join(frame(*piece) for piece in pieces), at):
        for stream, data in demux.feed(chunk):
            got[stream] += data
    for stream, data in got.items():
        assert data == b"".join(data for name, data in pieces if name == stream)


@given(st.binary(), st.integers(0, 40), st.lists(st.integers(min_value=0)))
def test_a_capture_keeps_the_beginning_and_counts_the_rest(data, limit, at):
    capture = Capture(limit)
    for chunk in cut(data, at):
        capture.feed(chunk)
    assert capture.data == data[:limit]
    assert capture.dropped == max(len(data) - limit, 0)


@given(st.binary(), st.integers(0, 40), st.lists(st.integers(min_value=0)))
def test_output_ends_where_the_marker_begins(data, limit, at):
    marker = b"0123456789abcdef"
    capture = Capture(limit, marker)
    for chunk in cut(data + marker + b" 7 0\nnot ours", at):
        capture.feed(chunk)
    assert capture.done
    assert capture.data == data[:limit]
    assert capture.dropped == max(len(data) - limit, 0)
    assert capture.status.split() == [b"7", b"0"]


@given(st.binary(), st.lists(st.integers(min_value=0)))
def test_output_without_its_marker_is_all_output(data, at):
    capture = Capture(1000, b"0123456789abcdef")
    for chunk in cut(data + b"0123456789abcde", at):
        capture.feed(chunk)
    capture.end()
    assert not capture.done
    assert capture.data == data + b"0123456789abcde"


def linked(early=b""):
    """A link over a socket pair, with bytes that came along with the response's headers."""
    near, far = socket.socketpair()
    if early:
        far.sendall(early)
    reader = near.makefile("rb")
    if early:
        near.setblocking(False)
        reader.peek()
    response = SimpleNamespace(
        raw=SimpleNamespace(_fp=SimpleNamespace(fp=reader)), close=reader.close
    )
    raw = SimpleNamespace(_sock=near, _response=response)
    return ExecLink(hijacked(raw)), far


def test_what_came_with_the_headers_is_not_lost():
    link, far = linked(frame(STDOUT, b"early"))
    far.sendall(frame(STDOUT, b"late"))
    far.close()
    deadline = time.monotonic() + 5
    assert link.read(deadline) == [(STDOUT, b"early")]
    assert link.read(deadline) == [(STDOUT, b"late")]
    assert link.read(deadline) == []
    link.close()


def test_reading_stops_at_the_deadline():
    link, far = linked()
    deadline = time.monotonic() + 0.2
    assert link.read(deadline) is None
    assert time.monotonic() >= deadline
    far.close()
    link.close()


def test_what_is_there_is_read_after_the_deadline_too():
    link, far = linked()
    far.sendall(frame(STDOUT, b"there"))
    assert link.read(time.monotonic() - 1) == [(STDOUT, b"there")]
    assert link.read(time.monotonic() - 1) is None
    far.close()
    link.close()


def test_input_and_output_flow_at_the_same_time():
    link, far = linked()
    size = 5_000_000

    def echo():
        left = size
        while left:
            data = far.recv(65536)
            left -= len(data)
            far.sendall(frame(STDOUT, data))
        assert far.recv(1) == b""
        far.close()

    thread = threading.Thread(target=echo)
    thread.start()
    link.send(b"x" * size, last=True)
    got = 0
    while pieces := link.read(time.monotonic() + 10):
        got += sum(len(data) for _, data in pieces)
    assert got == size
    thread.join(10)
    link.close()


def test_a_reader_that_goes_away_is_the_end_of_the_stream():
    link, far = linked()
    far.close()
    link.send(b"x" * 1_000_000, last=True)
    assert link.read(time.monotonic() + 5) == []
    link.close()


# ── the shared shell ─────────────────────────────────────────────────────────────────────────────

USER = "10001:10001"


@pytest.fixture
def box(engine, image):
    limits = SandboxLimits(memory_mb=128, disk_mb=64)
    with engine.open(image, limits=limits, labels={}, user=USER, channel=True) as box:
        yield box


def sh(box, script, **how):
    return box.exec(["sh", "-c", script], timeout_s=10, **how)


def fine(box):
    result = sh(box, "echo fine; echo err >&2; exit 3")
    return (result.exit_code, result.stdout, result.stderr) == (3, b"fine\n", b"err\n")


def test_commands_share_one_shell(box):
    assert sh(box, "echo $PPID").stdout == sh(box, "echo $PPID").stdout


def test_a_shell_with_something_left_running_is_given_up(box):
    first = sh(box, "echo $PPID; sleep 100 >/dev/null 2>&1 &").stdout
    assert sh(box, "echo $PPID").stdout != first
    assert fine(box)


@pytest.mark.parametrize(
    "script",
    [
        "kill -9 $PPID",
        "kill $PPID; kill -HUP $PPID",
        "cat /proc/$PPID/fd/0 & sleep 0.2; kill $!",
        "echo 'exit 5' >/proc/$PPID/fd/0",
        "echo '0123456789abcdef0123456789abcdef 0 0' | tee /proc/$PPID/fd/1 >&2",
        "head -c 3000000 /dev/urandom >/proc/$PPID/fd/1",
        "(sleep 0.2; while :; do echo 'aaaa 0 0'; done) >/proc/$PPID/fd/1 & true",
        "exec 1>&- 2>&-; true",
    ],
)
def test_tampering_costs_at_most_the_next_command(box, script):
    sh(box, script)
    sh(box, "true")
    for _ in range(3):
        assert fine(box)


def test_the_marker_is_not_told_to_the_command(box):
    seen = sh(box, "cat /proc/self/environ /proc/self/cmdline; ls -l /proc/self/fd").text
    assert not [word for word in seen.replace("\0", " ").split() if len(word) == 32]


def test_a_command_has_three_open_files(box):
    assert sh(box, "ls /proc/$$/fd").stdout.split() == [b"0", b"1", b"2"]


def test_long_commands_take_another_way(box):
    result = box.exec(["printf", "%s", "x" * 100_001], timeout_s=10)
    assert len(result.stdout) == 100_001
    assert fine(box)


def test_what_is_sent_is_one_line_a_command():
    text = line(["echo", "a'b\\", "$(x)"], "/some where", "MARK")
    assert text.startswith("(cd -- '/some where' || exit 126; exec echo 'a'\"'\"'b\\' '$(x)') ")
    assert text.count("\n") == 1
