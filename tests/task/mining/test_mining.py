"""Mining a repository made here, on the engine."""

import json
import os

import pytest

from arena.task import pack as packs
from tests.e2e.rig import arena
from tests.task import toy
from tests.task.importing import rig

pytestmark = pytest.mark.timeout(900)

HANGING = (
    "import time\n\nfrom purse import whole\n\n\ndef test_slow():\n    while whole(1) == 1:\n"
    "        time.sleep(0.1)\n"
)
LUCK = "import random\n\n\ndef test_luck():\n    assert random.SystemRandom().random() < 0.5\n"


def a_history(folder):
    repo, _, _ = rig.a_repository(folder)
    rig.commit(
        repo,
        "Rename an inner thing",
        {
            "purse/__init__.py": toy.AFTER + "\n\nSPARE = 1\n",
            "tests/test_purse.py": rig.TESTS_AFTER + "\n",
        },
    )
    rig.commit(repo, "Add unlucky tests", {"tests/test_luck.py": LUCK})
    rig.commit(
        repo,
        "Fix the whole of negative cents\n\nMinus one cent must be refused.\n",
        {
            "purse/__init__.py": toy.AFTER.replace(
                "return cents\n",
                "if cents < 0:\n        raise ValueError(cents)\n    return cents\n",
            ),
            "tests/test_purse.py": rig.TESTS_AFTER
            + "\n\ndef test_debt():\n    with pytest.raises(ValueError):\n        whole(-1)\n",
        },
    )
    rig.commit(
        repo,
        "Spend less time waiting",
        {"purse/wait.py": "def wait():\n    pass\n", "tests/test_slow.py": HANGING},
    )
    return repo


def test_fixes_become_tasks_that_stay_sound(tmp_path):
    a_history(tmp_path)
    command = ("tasks", "mine", "repos/acme__purse", "--out", "ours", "--format", "json")
    done = arena(*command, cwd=tmp_path, timeout_s=800)
    assert done.code == 0, done.err
    (found,) = done.json["yield"]
    assert (found["tried"], found["tasks"], found["fixes_tasks"]) == (4, 2, 2)
    log = [json.loads(line) for line in (tmp_path / "ours/mining.jsonl").read_text().splitlines()]
    fell = {one["subject"]: one["reason"] for one in log if one["task"] is None}
    assert fell["Rename an inner thing"] == "no test changes its result"
    assert (
        "no test passes" in fell["Spend less time waiting"]
        or "no test changes" in fell["Spend less time waiting"]
    )
    tasks = {task.title: task for task in packs.load("./ours", base=tmp_path)}
    assert set(tasks) == {"Fix halves of odd cents", "Fix the whole of negative cents"}
    debt = tasks["Fix the whole of negative cents"]
    assert debt.tests.fail_to_pass == ("tests/test_purse.py::test_debt",)
    assert "tests/test_luck.py::test_luck" not in debt.tests.pass_to_pass
    assert debt.private
    assert (debt.provenance, tasks["Fix halves of odd cents"].provenance) == ("B", "C")
    assert "review-statement" in debt.tags
    assert not (debt.root / "repo/.git").exists()
    kept, *refused = found["yields"]
    assert (kept["outcome"], kept["count"], sum(one["count"] for one in refused)) == ("kept", 2, 2)
    assert kept["mb_each"] > 10
    assert kept["seconds_each"] > 1
    (outcome,) = [one for one in log if one["task"] == debt.root.name]
    assert abs(outcome["image_mb"] - kept["mb_each"]) <= 1
    assert outcome["provenance"] == "B"
    assert list(outcome["fail_to_pass"].values()) == ["assertion: Failed"]
    checked = arena("tasks", "check", "./ours", cwd=tmp_path, timeout_s=600)
    assert checked.code == 0, checked.err
    again = arena(*command, cwd=tmp_path, timeout_s=100)
    assert "4 done before" in again.err
    assert again.json == done.json


@pytest.mark.slow
def test_what_tests_need_and_nobody_tells_is_refused_or_marked(tmp_path):
    repo, _, _ = rig.a_repository(tmp_path)
    flag = "import argparse\n\nFLAGS = argparse.ArgumentParser()\nFLAGS.add_argument('--up')\n"
    test = "from purse.cli import FLAGS\n\n\ndef test_up():\n    assert FLAGS.parse_args(['--up', '1'])\n"
    rig.commit(repo, "Start a cli", {"purse/cli.py": flag.rpartition("FLAGS.")[0]})
    files = {"purse/cli.py": flag, "tests/test_cli.py": test}
    rig.commit(repo, "Rounding can be asked for on the command line", files)
    command = ("tasks", "mine", "repos/acme__purse", "--out", "ours", "--max", "1")
    refused = arena(*command, cwd=tmp_path, timeout_s=300)
    assert refused.code == 0, refused.err
    assert "underspecified: its tests need '--up'" in refused.err
    assert "underspecified" in refused.out
    assert not [*(tmp_path / "ours").glob("*/task.toml")]
    kept = arena(*command, "--underspecified", "keep", cwd=tmp_path, timeout_s=300)
    assert kept.code == 0, kept.err
    (task,) = packs.load("./ours", base=tmp_path)
    assert (task.underspecified, task.provenance) == (("--up",), "C")


def test_a_killed_run_goes_on(tmp_path):
    a_history(tmp_path)
    command = ("tasks", "mine", "repos/acme__purse", "--out", "ours", "--max", "1")
    assert arena(*command, cwd=tmp_path, timeout_s=400).code == 0
    torn = tmp_path / "ours/mining.jsonl"
    whole = torn.read_text()
    torn.write_text(whole + '{"commit": "12')
    older = rig.git(tmp_path / "repos/acme__purse", "rev-list", "HEAD").split()[-2]
    half_made = tmp_path / f"ours/half-made-{older[:7]}"
    for folder in (half_made, tmp_path / "ours/by-hand"):
        toy.write(folder, {"repo/a.py": "", "task.toml": "x"})
    done = arena(*command, cwd=tmp_path, timeout_s=400)
    assert done.code == 0, done.err
    assert torn.read_text() == whole
    assert not half_made.exists()
    assert (tmp_path / "ours/by-hand/task.toml").exists(), "a task of the pack that nobody mined"


def test_what_is_odd_or_cannot_be_read_falls_alone(tmp_path):
    repo, _, _ = rig.a_repository(tmp_path)
    outer = b"tests/gr\xf6\xdfe.txt"
    (repo / os.fsdecode(outer)).write_text("1")
    (repo / "link").symlink_to("purse")
    rig.git(repo, "add", "-A")
    empty = rig.git(repo, "rev-parse", "HEAD").strip()
    rig.git(repo, "update-index", "--add", "--cacheinfo", f"160000,{empty},vendored.py")
    rig.commit(repo, "Names of another encoding", {"README.md": "x\n"})

    def step(subject, number, **more):
        files = {
            "purse/odd.py": f"def odd():\n    return {number}\n",
            "tests/test_odd.py": "from purse.odd import odd\n\n\n"
            f"def test_odd_{number}():\n    assert odd() == {number}\n",
        }
        return rig.commit(repo, subject, files | more)

    step("Fix the odd one", 1)
    (repo / os.fsdecode(outer.replace(b"tests", b"purse").replace(b"txt", b"py"))).write_text("2")
    step("Fix a source of another encoding", 2)
    (repo / "purse/linked.py").symlink_to("/etc/hostname")
    step("Fix with a link", 3)
    rig.git(repo, "rm", "-q", "purse/linked.py")
    lost = step("Fix what is lost", 4)
    blob = rig.git(repo, "rev-parse", f"{lost}:purse/odd.py").strip()
    step("Fix the last", 5)
    (repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    command = ("tasks", "mine", str(repo), "--out", "ours", "--format", "json")
    done = arena(*command, cwd=tmp_path, timeout_s=800)
    assert done.code == 0, done.err
    log = [json.loads(line) for line in (tmp_path / "ours/mining.jsonl").read_text().splitlines()]
    became = {one["subject"]: one["task"] or one["reason"] for one in log}
    assert "task" not in became
    tasks = {task.title for task in packs.load("./ours", base=tmp_path)}
    assert {"Fix the odd one", "Fix halves of odd cents"} <= tasks, became
    assert "cannot be read" in became["Fix what is lost"]
    assert "cannot be read" in became["Fix the last"]
    assert "link" in became["Fix with a link"]
