"""Using up the host, as an agent and as a test; gold must pass right afterwards."""

import resource

import pytest

from arena.errors import EngineError
from arena.grading.verify import ExclusiveLock, confirm, judge, verify
from arena.sandbox import limits
from arena.task.diff import Remains, capture

INIT = "src/purse/__init__.py"
BOMBS = {
    "forks": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
    "memory": "blocks = []\nwhile True:\n    blocks.append(b'x' * (16 << 20))\n",
    "disk": (
        "import os, sys\nn = 0\nwhile True:\n    n += 1\n"
        "    with open(f'{sys.argv[1]}/{n}', 'wb') as file:\n        file.write(os.urandom(8 << 20))\n"
    ),
    "inodes": (
        "import sys\nn = 0\nwhile True:\n    n += 1\n    open(f'{sys.argv[1]}/{n}', 'wb').close()\n"
    ),
    # Past pytest's capturing, to the stream that the runner reads.
    "output": (
        "import glob, os\npipes = []\nfor name in glob.glob('/proc/self/fd/*'):\n"
        "    if os.path.lexists(name) and 'pipe' in os.readlink(name):\n"
        "        pipes.append(int(name.rpartition('/')[2]))\n"
        "while pipes:\n    for pipe in pipes:\n        os.write(pipe, b'y' * (1 << 16))\n"
    ),
}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture(autouse=True)
def _host_survives(python):
    """The runner's own memory stays bounded, and gold passes at once."""
    before = peak_mb()
    yield
    assert peak_mb() - before < 120
    assert python.grade(python.gold).verdict == "passed"


@pytest.mark.parametrize("name", ["forks", "memory", "disk", "inodes", "output"])
def test_37_an_agent_uses_up_the_host(python, name):
    script = "timeout -s KILL 6 python3 /opt/trial/bomb.py /home/agent; true"
    assert (
        python.attack({"/opt/trial/bomb.py": BOMBS[name], "NOTES.md": "x\n"}, script).verdict
        == "failed"
    )


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("forks", "resource"), ("memory", "resource"), ("output", "timeout")],
)
def test_37_the_tests_use_up_the_host(python, name, verdict):
    assert python.within(10).attack({INIT: BOMBS[name]}).verdict == verdict


@pytest.mark.parametrize("name", ["disk", "inodes"])
def test_37_the_tests_fill_what_they_may_write(python, name):
    """Nothing but `/tmp` is the tester's, and that is bounded: a full one is an ordinary error."""
    code = BOMBS[name].replace("sys.argv[1]", "'/tmp'")
    assert python.attack({INIT: code}).verdict == "failed"


@pytest.mark.parametrize(
    "code",
    [
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)\n",
        "import time\ntime.sleep(1e9)\n",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\n",
        "import os, signal, time\nos.setsid() if os.fork() else None\ntime.sleep(1e9)\n",
    ],
    ids=["ignores SIGTERM", "sleeps", "stops its parent", "leaves its session"],
)
def test_38_tests_that_never_end(python, code):
    assert python.within(3).attack({INIT: code}).verdict == "timeout"


def test_a_limit_is_charged_only_when_gold_keeps_within_it(python):
    slow = python.within(12)
    with slow.agent({INIT: "import time\ntime.sleep(1e9)\n"}) as sandbox, slow.fresh() as fresh:
        patch = capture(Remains(sandbox), fresh, binaries=False)
        first = verify(slow.task, patch, slow.bench(), strict=False, fresh=fresh)
    assert first.verdict == "timeout"
    again = judge(slow.task, slow.bench(), ExclusiveLock(), lambda _: patch, strict=False)
    assert again.verdict == "timeout"
    assert confirm(slow.task, slow.gold, slow.bench(), strict=False).verdict == "passed"


def test_a_host_that_is_too_slow_for_gold_is_a_fault(python):
    hopeless = python.within(0.05)
    first = hopeless.grade(hopeless.gold)
    assert first.verdict == "timeout"
    with pytest.raises(EngineError, match="the reference fix of toys/python ended as timeout"):
        confirm(hopeless.task, hopeless.gold, hopeless.bench(), strict=False)


def test_other_verdicts_need_no_confirmation(python):
    """Which would wait until nothing else runs."""
    lock = ExclusiveLock()
    with lock.shared():
        graded = judge(python.task, python.bench(), lock, lambda _: "", strict=False)
    assert graded.verdict == "no_patch"


def test_no_verdict_is_given_while_the_engines_disk_is_full(python, monkeypatch):
    """What fails then may fail for want of room, and no patch is to blame for that."""

    def grade():
        bench = python.bench()
        return judge(python.task, bench, ExclusiveLock(), lambda _: python.gold, strict=False)

    assert grade().verdict == "passed"
    monkeypatch.setattr(limits, "_ROOM_BYTES", 1 << 60)
    with pytest.raises(EngineError, match="disk is full"):
        grade()
