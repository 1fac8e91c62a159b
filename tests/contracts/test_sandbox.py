"""What every sandbox does, over both ways to run commands: an exec each, and one shared shell."""

import os
import resource
import select
import time
from pathlib import Path

import pytest

from arena.backend.limiter import AgentClock
from arena.errors import HarnessError
from arena.records import Change, ExecResult, File, SandboxLimits
from arena.run.trial import TimedSandbox
from arena.sandbox.container import DockerSandbox
from arena.sandbox.docker import EngineRefusedError
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.sandbox.limits import DiskUsage
from arena.sandbox.owner import LABEL_ENGINE
from tests.backend.rig import Notes
from tests.memory import MemoryEngine, MemorySandbox

AGENT = "10001:10001"
TESTER = "10002:10002"
LABELS = {"arena.test": f"contract-{os.getpid()}"}
LIMITS = SandboxLimits(
    memory_mb=128, pids=48, tmp_mb=16, disk_mb=32, file_mb=24, cpus=2.0, open_files=256
)
TREE = (
    File(path="README.md", data=b"read me\n"),
    File(path="run.sh", data=b"#!/bin/sh\necho run\n", mode=0o755),
    File(path="src/one.py", data=b"one = 1\n"),
    File(path="src/two.py", data=b"two = 2\n"),
    File(path="src/deep/three.py", data=b"three = 3\n"),
)


@pytest.fixture(scope="session")
def image(engine, any_task):
    return Images(engine, lambda _: TREE).ensure([any_task])[any_task.id].id


@pytest.fixture(params=["exec", "channel"])
def opened(request, engine, image):
    """Opens a sandbox; how commands reach it is the parameter."""

    def opened(limits=LIMITS):
        return engine.open(
            image, limits=limits, labels=LABELS, user=AGENT, channel=request.param == "channel"
        )

    return opened


@pytest.fixture
def box(opened):
    with opened() as box:
        assert isinstance(box, DockerSandbox)
        yield box


def sh(box, script, timeout_s=20.0, **how):
    return box.exec(["sh", "-c", script], timeout_s=timeout_s, **how)


# ── commands ───────────────────────────────────────────────────────────────────────────────────


def test_exit_code_and_both_streams_come_back(box):
    result = sh(box, "echo out; echo err >&2; exit 7")
    assert (result.exit_code, result.ended) == (7, "exited")
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_output_is_bytes_without_a_newline_added(box):
    assert box.exec(["printf", r"a\0b\377"], timeout_s=5).stdout == b"a\0b\xff"


def test_a_missing_program_is_a_result(box):
    result = box.exec(["no-such-program"], timeout_s=5)
    assert result.exit_code == 127
    assert b"no-such-program" in result.stderr
    assert box.exec(["true"], timeout_s=5).exit_code == 0


def test_a_file_that_is_no_program_is_a_result(box):
    assert box.exec(["/etc/passwd"], timeout_s=5).exit_code == 126


@pytest.mark.parametrize("word", ["a\0b", "\ud800", "x" * 200_000])
def test_no_argument_can_break_the_machinery(box, word):
    box.exec(["true", word], timeout_s=5)
    assert box.exec(["true"], timeout_s=5).exit_code == 0


def test_no_shell_reads_the_arguments(box):
    words = ["$(id)", "a b", "'", '"', "\\", "*", ";exit 3", "\n", "-n", "é"]
    result = box.exec(["printf", "<%s>", *words], timeout_s=5)
    assert result.stdout.decode() == "".join(f"<{word}>" for word in words)


def test_stdin_is_fed_and_closed(box):
    data = os.urandom(3_000_000)
    result = box.exec(["cat"], timeout_s=20, stdin=data, output_limit=4_000_000)
    assert result.stdout == data


def test_stdin_that_nobody_reads_is_no_error(box):
    assert box.exec(["true"], timeout_s=10, stdin=b"x" * 3_000_000).exit_code == 0


def test_stdin_is_empty_by_default(box):
    assert box.exec(["cat"], timeout_s=5).stdout == b""


def test_commands_start_in_the_work_tree_or_where_they_are_told(box):
    assert sh(box, "pwd").stdout == b"/repo\n"
    assert sh(box, "pwd", cwd="/etc").stdout == b"/etc\n"
    assert sh(box, "pwd", cwd="/no-such-folder").exit_code == 126


def test_nothing_of_one_command_reaches_the_next(box):
    sh(box, "cd /; export LEFT=1; umask 0")
    assert sh(box, "pwd; umask; echo ${LEFT-none}").stdout == b"/repo\n0022\nnone\n"


def test_a_given_environment_is_the_whole_environment(box):
    result = box.exec(["/usr/bin/env"], timeout_s=5, env={"A": "b 'c'", "D": ""})
    assert sorted(result.stdout.splitlines()) == [b"A=b 'c'", b"D="]


def test_the_environment_of_the_host_stays_there(opened, monkeypatch, engine):
    monkeypatch.setenv("CANARY_API_KEY", "sk-canary-3f9a")
    monkeypatch.setenv("HTTP_PROXY", "http://canary-3f9a@127.0.0.1:1")
    with opened() as box:
        seen = sh(box, "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline").text
        told = str(engine.connection.raw.inspect_container(box.where.ident))
    assert "PATH=" in seen
    assert "3f9a" not in seen + told


def test_commands_run_as_the_sandbox_user_or_as_another(box):
    assert sh(box, "id -u; id -g").stdout == b"10001\n10001\n"
    assert sh(box, "id -u; id -g", user=TESTER).stdout == b"10002\n10002\n"
    assert sh(box, "id -u", user="root").stdout == b"0\n"


# ── output and time ────────────────────────────────────────────────────────────────────────────


def test_output_beyond_the_limit_is_drained_and_counted(box):
    result = sh(box, "head -c 5000000 /dev/zero; echo end >&2", output_limit=1000)
    assert result.exit_code == 0
    assert (len(result.stdout), result.stderr) == (1000, b"end\n")
    assert result.truncated_bytes == 4_999_000


def test_endless_output_keeps_memory_flat(box):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = box.exec(["yes"], timeout_s=3, output_limit=10_000)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert result.ended == "timeout"
    assert len(result.stdout) == 10_000
    assert result.truncated_bytes > 10_000_000
    assert grown_kb < 16_000


def test_a_timeout_keeps_the_output_so_far(box):
    result = sh(box, "echo before; echo error >&2; sleep 60", timeout_s=3)
    assert (result.exit_code, result.ended) == (None, "timeout")
    assert (result.stdout, result.stderr) == (b"before\n", b"error\n")


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000 & sleep 1000",
        "trap '' TERM INT HUP; sleep 1000 & while :; do sleep 1; done",
        "setsid sh -c 'trap \"\" TERM; setsid sleep 1000 & sleep 1000' & sleep 1000",
        "kill -STOP $PPID; kill -STOP $$",
    ],
    ids=["children", "proof-against-term", "double-fork", "stopped"],
)
def test_a_timeout_kills_everything(box, script):
    assert sh(box, script, timeout_s=1).ended == "timeout"
    left = sh(box, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '").text
    assert "sleep 1000" not in left


def test_a_shell_that_is_killed_is_replaced(box):
    sh(box, "kill -9 $PPID; kill -9 $$")
    sh(box, "kill -9 -1")
    assert sh(box, "echo still here").stdout == b"still here\n"


def test_what_is_left_running_does_not_speak_into_the_next_command(box):
    assert sh(box, "(sleep 1; echo late) & echo now").stdout.startswith(b"now\n")
    assert sh(box, "sleep 2; echo next").stdout == b"next\n"


def test_what_is_left_running_goes_on(box):
    sh(box, "(sleep 1; echo done >/tmp/mark) >/dev/null 2>&1 &")
    assert sh(box, "sleep 2; cat /tmp/mark").stdout == b"done\n"


# ── files, whatever the sandbox is made of ─────────────────────────────────────────────────────


@pytest.fixture(params=["docker", "memory"])
def store(request, engine, image):
    """A sandbox in which nothing is run."""
    memory = MemoryEngine({image: TREE}, lambda *_: ExecResult(exit_code=0, wall_s=0))
    chosen = {"docker": engine, "memory": memory}[request.param]
    with chosen.open(image, limits=LIMITS, labels=LABELS, user=AGENT) as box:
        yield box


@pytest.mark.parametrize(("known", "made"), [(True, 1), (False, 2)])
def test_a_known_image_is_not_read_again(image, known, made):
    """Reading it later takes a container of its own, for which a full disk has no room."""
    with DockerEngine() as own, own.open(image, limits=LIMITS, labels=LABELS, user=AGENT) as box:
        if known:
            box.know_image()
        box.put([File(path="new", data=b"1")])
        assert box.changes(limit=9) == [Change(path="new", kind="added")]
        created = own.connection.raw.events(
            since=int(time.time()) - 60,
            until=int(time.time()) + 1,
            filters={"label": f"{LABEL_ENGINE}={own.ident}", "event": "create"},
        )
        assert sum(1 for _ in created) == made


def test_what_is_put_can_be_got(store):
    store.put(
        [
            File(path="new/data", data=b"\0\xff", mode=0o755),
            File(path="/opt/trial/out/x", data=b"y"),
        ]
    )
    got = store.get("/repo/new/data", limit=10)
    assert (got.kind, got.data, got.mode) == ("file", b"\0\xff", 0o755)
    assert store.get("/opt/trial/out/x", limit=1).data == b"y"
    assert store.get("/opt/trial/out/x", limit=0).too_large
    assert store.get("/repo/new", limit=10).kind == "directory"
    assert store.get("/repo/none", limit=10).kind == "absent"
    assert store.get("/repo/README.md", limit=10).data == b"read me\n"


def test_what_is_put_is_what_changed(store):
    assert store.changes(limit=10) == []
    store.put([TREE[0], File(path="src", data=b"a file now"), File(path="run.sh/in", data=b"")])
    expected = [
        Change(path="run.sh", kind="deleted"),
        Change(path="run.sh/in", kind="added"),
        Change(path="src", kind="added"),
        Change(path="src/deep/three.py", kind="deleted"),
        Change(path="src/one.py", kind="deleted"),
        Change(path="src/two.py", kind="deleted"),
    ]
    assert store.changes(limit=6) == expected
    assert store.changes(limit=2) == expected[:3]


def test_a_killed_sandbox_keeps_its_files(store):
    store.put([File(path="file", data=b"new")])
    store.kill()
    store.kill()
    result = store.exec(["true"], timeout_s=5)
    assert (result.exit_code, result.ended) == (None, "container_ended")
    assert store.changes(limit=9) == [Change(path="file", kind="added")]
    assert store.get("/repo/file", limit=10).data == b"new"
    assert store.resource_ended is None


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "/repo/../etc/passwd", "a/../../x", "", "/", ".", "a\0b"]
)
def test_paths_cannot_escape(store, path):
    with pytest.raises(HarnessError):
        store.put([File(path=path, data=b"")])
    with pytest.raises(HarnessError):
        store.get(path, limit=1)


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def test_what_is_put_is_roots_unless_told_otherwise(box):
    box.put(
        [File(path="new/data", data=b"1", mode=0o755), File(path="/opt/trial/out/x", data=b"y")]
    )
    assert sh(box, "stat -c '%u %a' new/data /opt/trial/out/x").stdout == b"0 755\n0 644\n"


def test_what_is_put_belongs_to_whom_it_should(box):
    box.put([File(path="a/b", data=b"1")], owner=10001)
    assert sh(box, "stat -c %u a a/b . && echo 2 >a/c").stdout == b"10001\n10001\n10001\n"


def test_files_of_root_cannot_be_changed_in_a_folder_of_root(box):
    box.put([File(path="tests/hidden.py", data=b"hidden", mode=0o444)])
    sh(
        box,
        "echo x >tests/hidden.py; rm -f tests/hidden.py; mv tests/hidden.py tests/y; : >tests/z",
    )
    assert box.get("/repo/tests/hidden.py", limit=10).data == b"hidden"
    assert box.get("/repo/tests/z", limit=10).kind == "absent"


@pytest.mark.parametrize(
    "plant",
    [
        "ln -s /etc/hostname place",
        "mkdir -p place/below; : >place/below/x",
        "mkfifo place",
        ": >place",
    ],
    ids=["link", "folder", "fifo", "file"],
)
def test_put_replaces_whatever_is_there(box, plant):
    sh(box, plant)
    box.put([File(path="place", data=b"ours")])
    assert box.get("/repo/place", limit=10).data == b"ours"
    assert sh(box, "test -f place && ! test -L place && cat place").stdout == b"ours"
    assert b"ours" not in sh(box, "cat /etc/hostname").stdout


@pytest.mark.parametrize("target", ["/tmp", "/home/agent", "/etc", "../.."])
def test_a_planted_link_redirects_no_write(box, target):
    sh(box, f"mkdir -p way; ln -s {target} way/there; ln -s way/there short")
    box.put(
        [File(path="way/there/planted", data=b"ours"), File(path="short/planted", data=b"ours")]
    )
    found = sh(box, "find / /repo -xdev -name planted 2>/dev/null | sort").stdout
    assert found == b"/repo/short/planted\n/repo/way/there/planted\n"
    assert sh(box, "ls /tmp").stdout == b""


def test_get_follows_no_link(box):
    sh(box, "ln -s /etc/passwd final; ln -s /etc parent; ln -s . src/self")
    final = box.get("/repo/final", limit=5)
    assert (final.kind, final.data) == ("symlink", b"/etc/passwd")
    assert box.get("/repo/parent/passwd", limit=100_000).kind == "absent"
    assert box.get("/repo/src/self/one.py", limit=100).kind == "absent"


def test_get_says_what_it_does_not_read(box):
    sh(box, "mkfifo pipe; head -c 1000 /dev/zero >big; chmod 000 big")
    assert box.get("/repo/pipe", limit=9).kind == "other"
    assert box.get("/repo/src", limit=9).kind == "directory"
    assert box.get("/repo/nothing/here", limit=9).kind == "absent"
    big = box.get("/repo/big", limit=999)
    assert (big.kind, big.too_large, big.data) == ("file", True, b"")
    assert len(box.get("/repo/big", limit=1000).data) == 1000


# ── what changed ───────────────────────────────────────────────────────────────────────────────


def changed(box, limit=100):
    return {change.path: change.kind for change in box.changes(limit=limit)}


def test_an_untouched_tree_has_not_changed(box):
    assert changed(box) == {}
    sh(box, "cp src/one.py x; cat x >src/one.py; touch README.md; rm x; git status; mkdir empty")
    assert changed(box) == {}


def test_changes_are_exact(box):
    sh(
        box,
        """
        echo more >>README.md; rm run.sh; mkdir -p new/deep; echo x >new/deep/file
        rm -r src/deep; echo file >src/deep; rm src/one.py; mkdir src/one.py; echo y >src/one.py/in
        rm src/two.py; ln -s one.py src/two.py; mkfifo pipe
        git add -A; git -c user.name=x commit -qm x
        """,
    )
    assert changed(box) == {
        "README.md": "modified",
        "run.sh": "deleted",
        "new/deep/file": "added",
        "src/deep/three.py": "deleted",
        "src/deep": "added",
        "src/one.py": "deleted",
        "src/one.py/in": "added",
        "src/two.py": "modified",
        "pipe": "added",
    }


def test_a_folder_that_was_made_anew_lacks_its_old_files(box):
    sh(box, "rm -r src; mkdir src; echo 'one = 1' >src/one.py; chmod -x run.sh")
    assert changed(box) == {
        "src/two.py": "deleted",
        "src/deep/three.py": "deleted",
        "run.sh": "modified",
    }


def test_hard_links_and_odd_names_are_seen(box):
    sh(
        box,
        r"""ln README.md hard; printf x >"$(printf 'b\377d')"; echo y >'a
b'""",
    )
    assert changed(box) == {"hard": "added", r"b\xffd": "added", "a\nb": "added"}
    assert box.get("/repo/hard", limit=100).data == b"read me\n"


def test_changes_are_those_of_this_moment(box):
    sh(box, "echo 1 >file")
    assert changed(box) == {"file": "added"}
    assert box.get("/repo/file", limit=10).data == b"1\n"
    sh(box, "echo 2 >file; rm README.md")
    assert box.get("/repo/file", limit=10).data == b"2\n"
    assert changed(box) == {"file": "added", "README.md": "deleted"}


def test_a_file_written_all_the_time_does_not_break_the_reading(box):
    script = "while :; do head -c 3000000 /dev/zero >big; : >big; done >/dev/null 2>&1 &"
    sh(box, f"{script} sleep 1")
    for _ in range(5):
        assert changed(box) == {"big": "added"}


def test_a_killed_container_still_yields_its_diff(box):
    sh(box, "echo new >file; rm README.md; sleep 100 >/dev/null 2>&1 &")
    box.kill()
    assert sh(box, "true").ended == "container_ended"
    assert changed(box) == {"file": "added", "README.md": "deleted"}
    assert box.get("/repo/file", limit=10).data == b"new\n"
    assert box.get("/repo/src/one.py", limit=10).data == b"one = 1\n"


# ── walls ──────────────────────────────────────────────────────────────────────────────────────


def test_there_is_no_network(box):
    script = """
import socket
for host, port in [("192.0.2.1", 80), ("169.254.169.254", 80), ("172.17.0.1", 22)]:
    try:
        socket.create_connection((host, port), 3)
    except OSError as error:
        print(error.errno)
try:
    socket.getaddrinfo("example.org", 80)
except OSError:
    print("no names")
"""
    assert box.exec(["python3", "-c", script], timeout_s=20).stdout == b"101\n" * 3 + b"no names\n"
    assert sh(box, "tail -n +3 /proc/net/dev | cut -d: -f1").stdout.split() == [b"lo"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_server_on_the_loopback_can_be_reached(box, name):
    script = f"""
import socket
server = socket.create_server(("{name}", 0))
socket.create_connection(server.getsockname()).sendall(b"hello")
print(server.accept()[0].recv(5).decode())
"""
    assert box.exec(["python3", "-c", script], timeout_s=20).stdout == b"hello\n"


def test_there_are_no_privileges_to_gain(box):
    for user in (AGENT, "root"):
        status = sh(box, "cat /proc/self/status", user=user).text
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert {fields[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


def test_nothing_of_the_host_is_mounted(box, engine):
    mounts = sh(box, "cut -d' ' -f5,10- /proc/self/mountinfo").text
    assert "docker.sock" not in mounts
    fields = engine.connection.raw.inspect_container(box.where.ident)
    assert {mount["Type"] for mount in fields["Mounts"]} == {"volume"}
    assert not fields["HostConfig"]["Binds"]
    options = next(line for line in sh(box, "mount").text.splitlines() if " /tmp " in line)
    assert "nosuid" in options
    assert "nodev" in options


def test_the_agent_cannot_end_its_container(box):
    sh(box, "kill -9 1; kill -9 -1; for p in /proc/[0-9]*; do kill -9 ${p#/proc/}; done")
    assert sh(box, "echo alive").stdout == b"alive\n"


def test_small_limits_hold(box):
    assert sh(box, "head -c 20000000 /dev/zero >/tmp/x").exit_code != 0
    assert sh(box, "head -c 30000000 /dev/zero >file; stat -c %s file").stdout == b"25165824\n"
    assert sh(box, "ulimit -n; ulimit -c").stdout == b"256\n0\n"


# ── exhaustion ─────────────────────────────────────────────────────────────────────────────────


def healthy(opened):
    with opened() as box:
        return sh(box, "echo fine").stdout == b"fine\n"


def test_memory_is_limited_and_the_evidence_kept(box, opened):
    script = "blocks = []\nwhile True: blocks.append(bytearray(10_000_000))"
    result = box.exec(["python3", "-c", script], timeout_s=60)
    assert result.exit_code == 137
    assert box.resource_ended == "memory"
    assert sh(box, "echo alive").stdout == b"alive\n"
    assert healthy(opened)


def test_a_fork_bomb_ends_with_its_command(box, opened):
    script = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""
    result = box.exec(["python3", "-c", script], timeout_s=6)
    assert result.ended == "timeout"
    assert box.resource_ended == "pids"
    after = sh(box, "echo alive")
    # on a starved host the killing itself may come too late; then the container went with it
    assert after.text == "alive\n" or after.ended == "container_ended"
    assert healthy(opened)


@pytest.mark.parametrize(
    "script",
    [
        "i=0; while :; do head -c 4000000 /dev/zero >big$i; i=$((i+1)); done",
        "import itertools\nfor i in itertools.count(): open(f'/repo/empty{i}', 'w').close()",
    ],
    ids=["bytes", "files"],
)
def test_a_full_disk_ends_the_container_and_leaves_the_diff(box, opened, script):
    sh(box, "echo fixed >README.md")
    program = ["python3", "-c"] if script.startswith("import") else ["sh", "-c"]
    result = box.exec([*program, script], timeout_s=60)
    assert (result.exit_code, result.ended) == (None, "container_ended")
    assert box.resource_ended == "disk"
    assert changed(box, limit=100_000)["README.md"] == "modified"
    assert healthy(opened)


_FIND_WRITABLE = """
import os
for folder, folders, names in os.walk("/"):
    if folder == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
    for path in (folder, *(os.path.join(folder, name) for name in names)):
        if os.access(path, os.W_OK) and not os.path.islink(path):
            print(path)
"""


@pytest.mark.parametrize(
    ("user", "writable"),
    [(AGENT, {"/repo", "/tmp"}), (TESTER, {"/tmp"}), ("0:0", {"/opt/trial", "/tmp"})],
)
def test_nothing_but_volumes_and_tmp_can_be_written(box, user, writable):
    found = sh(box, f"python3 -c '{_FIND_WRITABLE}'", user=user).stdout.decode().split()
    tops = {path for path in found if path.rpartition("/")[0] not in found}
    assert tops == writable


def test_a_folder_asked_for_can_be_written_and_starts_as_in_the_image(engine, image):
    with engine.open(
        image, limits=LIMITS, labels=LABELS, user=AGENT, volumes=("/home/agent",)
    ) as box:
        assert sh(box, "test -e ~/.profile && echo x >~/new && cat ~/new").stdout == b"x\n"
        box.kill()
        assert box.get("/home/agent/new", limit=10).data == b"x\n"


def test_nothing_can_be_put_into_the_image(box):
    with pytest.raises(HarnessError, match="/etc/profile"):
        box.put([File(path="/etc/profile", data=b"")])


@pytest.mark.parametrize("seen", [True, False], ids=["by its files", "by the engine"])
def test_what_volumes_hold_is_measured(box, engine, seen):
    root = Path(engine.connection.raw.info()["DockerRootDir"]) if seen else None
    usage = DiskUsage(engine.connection, root)
    ident = box.where.ident
    before = usage.of({ident: 1 << 40})[ident]
    sh(box, "head -c 3000000 /dev/zero >big; head -c 9000000 /dev/zero >/tmp/other")
    grown = usage.of({ident: 1 << 40})[ident] - before
    assert 3_000_000 <= grown < 3_100_000
    if seen:
        sh(box, "for i in 1 2 3 4 5 6 7 8 9; do : >e$i; done")
        assert usage.of({ident: 1 << 40})[ident] - before - grown == 9 * 4096
        assert usage.of({ident: 10_000})[ident] > 10_000


# ── nothing is left behind ─────────────────────────────────────────────────────────────────────


def left(engine):
    label = f"arena.test={LABELS['arena.test']}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = engine.connection.raw.containers(all=True, filters={"label": [label]})
        if not found:
            return []
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_however_it_ends(opened, engine, error):
    def use():
        with opened() as box:
            sh(box, "sleep 1000 >/dev/null 2>&1 &")
            if error:
                raise error

    if error:
        with pytest.raises(error):
            use()
    else:
        use()
    assert left(engine) == []


def test_volumes_go_with_the_container(opened, engine):
    with opened() as box:
        mounts = engine.connection.raw.inspect_container(box.where.ident)["Mounts"]
        names = [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
        assert len(names) == 2
    assert left(engine) == []
    for name in names:
        with pytest.raises(EngineRefusedError):
            engine.connection.raw.inspect_volume(name)


# ── programs that are talked to ────────────────────────────────────────────────────────────────


@pytest.fixture(params=["plain", "timed"])
def talking(request, box):
    """A sandbox that a program is started in, alone and as an agent has it."""
    return box if request.param == "plain" else _timed(box)


def heard(pipe):
    """All that a program says until its output ends."""
    said = {1: b"", 2: b""}
    while pieces := pipe.read(time.monotonic() + 30):
        for stream, data in pieces:
            said[stream] += data
    assert pieces == [], "its output does not end"
    return said


def test_a_program_is_talked_to_while_it_runs(talking):
    script = "read x; echo got $x; read y; echo err $y >&2; cat; exit 7"
    with talking.pipe(["sh", "-c", script]) as pipe:
        assert select.select([pipe], [], [], 0.2)[0] == []
        assert pipe.read(time.monotonic() - 1) is None
        assert pipe.running()
        pipe.send(b"one\n")
        assert pipe.read(time.monotonic() + 30) == [(1, b"got one\n")]
        pipe.send(b"two\nrest", last=True)
        assert heard(pipe) == {1: b"rest", 2: b"err two\n"}
        assert (pipe.exit_code(), pipe.running(), pipe.unsent) == (7, False, 0)


def test_a_program_without_input_reads_its_end_at_once(talking):
    with talking.pipe(["sh", "-c", "cat; id -u"], user="root", with_input=False) as pipe:
        assert heard(pipe) == {1: b"0\n", 2: b""}
        assert pipe.exit_code() == 0


def test_input_that_a_program_does_not_take_is_queued(talking):
    with talking.pipe(["sleep", "100"]) as pipe:
        pipe.send(b"x" * 8_000_000)
        assert 0 < pipe.unsent < 8_000_000


def test_a_program_whose_container_ends_has_no_exit_code(talking):
    with talking.pipe(["sh", "-c", "echo up; exec sleep 100"]) as pipe:
        assert pipe.read(time.monotonic() + 30) == [(1, b"up\n")]
        talking.kill()
        assert heard(pipe) == {1: b"", 2: b""}
        assert pipe.exit_code() is None
        assert not pipe.running()


# ── around a sandbox ───────────────────────────────────────────────────────────────────────────


def _timed(inner):
    return TimedSandbox(inner, AgentClock(60), Notes())


@pytest.mark.parametrize("around", [_timed, lambda box: box])
def test_a_wrapper_passes_everything_on(around):
    asked = []

    def script(box, argv, stdin):
        asked.append((argv, stdin))
        return ExecResult(exit_code=3, stdout=b"x" * 9, wall_s=0.1)

    inner = MemorySandbox(TREE, "/repo", script)
    box = around(inner)
    done = box.exec(["a"], timeout_s=5, output_limit=4, cwd="/", env={}, user="root", stdin=b"in")
    assert (done.exit_code, done.stdout, asked) == (3, b"xxxx", [(["a"], b"in")])
    box.put([File(path="new", data=b"1")], owner=1)
    box.know_image()
    assert box.get("/repo/new", limit=9).data == b"1"
    assert box.changes(limit=9) == [Change(path="new", kind="added")]
    assert box.resource_ended is None
    with pytest.raises(HarnessError, match="talked to"), box.pipe(["a"]):
        pass
    box.kill()
    assert inner.exec(["a"], timeout_s=5).ended == "container_ended"
