"""Mining a repository made here, on the engine."""

import json

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
    assert "review-statement" in debt.tags
    assert not (debt.root / "repo/.git").exists()
    (outcome,) = [one for one in log if one["task"] == debt.root.name]
    assert list(outcome["fail_to_pass"].values()) == ["assertion: Failed"]
    checked = arena("tasks", "check", "./ours", cwd=tmp_path, timeout_s=600)
    assert checked.code == 0, checked.err
    again = arena(*command, cwd=tmp_path, timeout_s=100)
    assert "4 done before" in again.err
    assert again.json == done.json


def test_a_killed_run_goes_on(tmp_path):
    a_history(tmp_path)
    command = ("tasks", "mine", "repos/acme__purse", "--out", "ours", "--max", "1")
    assert arena(*command, cwd=tmp_path, timeout_s=400).code == 0
    torn = tmp_path / "ours/mining.jsonl"
    whole = torn.read_text()
    torn.write_text(whole + '{"commit": "12')
    toy.write(tmp_path / "ours/half-made", {"repo/a.py": "", "task.toml": "x"})
    done = arena(*command, cwd=tmp_path, timeout_s=400)
    assert done.code == 0, done.err
    assert torn.read_text() == whole
    assert not (tmp_path / "ours/half-made").exists()
