"""What a hostile agent can do to the shell it shares: break it, for its own account alone."""

import pytest

from arena.records import SandboxLimits
from arena.sandbox.exec import line

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
