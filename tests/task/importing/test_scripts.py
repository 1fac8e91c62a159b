import json

import pytest

from arena.task import pack as packs
from tests.e2e.rig import arena
from tests.task import toy

pytestmark = pytest.mark.timeout(600)

TEST_SH = """\
#!/bin/bash
cd /app
if python3 -c 'import purse; assert purse.half_up(3) == 2' && python3 /tests/more.py; then
  echo 1 > /logs/verifier/reward.txt
else
  echo 0 > /logs/verifier/reward.txt
fi
"""
MORE = "import sys; sys.path.insert(0, '/app')\nimport purse; assert purse.whole(3) == 3\n"
SOLVE = "cd /app && sed -i 's|int(cents / 2)|(cents + 1) // 2|' purse/__init__.py\n"
DOCKERFILE = "FROM python:3.11-slim\nWORKDIR /app\nCOPY purse purse\nRUN echo kept > /etc/kept\n"


def harbor(folder, name, **changed):
    files = {
        "task.toml": f'schema_version = "1.4"\n[task]\nname = "acme/{name}"\ndescription = "Halves"\n[metadata]\ndifficulty = "easy"\n',
        "instruction.md": "<!-- canary 123 -->\n\nHalf of three cents comes out as one cent.\n",
        "environment/Dockerfile": DOCKERFILE,
        "environment/purse/__init__.py": toy.BEFORE,
        "tests/test.sh": TEST_SH,
        "tests/more.py": MORE,
        "solution/solve.sh": SOLVE,
        **{key.replace("__", "/"): text for key, text in changed.items()},
    }
    toy.write(folder / name, {key: text for key, text in files.items() if text is not None})


def terminal_bench(folder, name):
    toy.write(
        folder / name,
        {
            "task.yaml": "instruction: |-\n  Half of three cents\n  comes out as one cent.\ndifficulty: easy\nparser_name: pytest\nmax_test_timeout_sec: 60.0\n",
            "Dockerfile": DOCKERFILE,
            "purse/__init__.py": toy.BEFORE,
            "run-tests.sh": "cd /app && python3 $TEST_DIR/check.py\n",
            "tests/check.py": "import sys; sys.path.insert(0, '/app')\nimport purse; assert purse.half_up(3) == 2\n",
            "solution.sh": SOLVE,
        },
    )


def test_directories_that_scripts_grade(tmp_path):
    suite = tmp_path / "suite"
    harbor(suite, "halves")
    harbor(suite, "lazy", **{"solution__solve.sh": "true\n"})
    harbor(suite, "silent", **{"tests__test.sh": "true\n"})
    harbor(suite, "bare", environment__Dockerfile="FROM nvidia/cuda:12\n")
    composed = "services:\n  main: {}\n  cache: {image: redis}\n"
    harbor(suite, "composed", **{"environment__docker-compose.yaml": composed})
    terminal_bench(suite, "halves-tb")
    done = arena(
        *("tasks", "import", "suite", "--out", "taken", "--format", "json"),
        cwd=tmp_path,
        timeout_s=500,
    )
    assert done.code == 0, done.err
    found = {one["instance_id"]: one for one in done.json["instances"]}
    good = {name: one["assurance"] for name, one in found.items() if one["result"] == "imported"}
    assert good == {"halves": "reward_file", "halves-tb": "exit_code"}, found
    assert "changes nothing" in found["lazy"]["reason"]
    assert "no reward" in found["silent"]["reason"] or "missing" in found["silent"]["reason"]
    assert "nvidia/cuda:12" in found["bare"]["reason"]
    assert "several containers are not supported: cache" in found["composed"]["reason"]
    tasks = {task.instance_id: task for task in packs.load("./taken", base=tmp_path)}
    assert tasks["halves"].problem_statement.startswith("Half of three cents")
    assert [file.path for file in packs.tree_files(tasks["halves"])] == ["purse/__init__.py"]
    gold = packs.gold_patch(tasks["halves"])
    rows = [
        {"instance_id": name, "model_name_or_path": model, "model_patch": patch}
        for name in good
        for model, patch in (("gold", gold), ("wrong", gold.replace("+ 1", "+ 5")), ("none", ""))
    ]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    done = arena("grade", "p.json", "--tasks", "./taken", "--format", "json", cwd=tmp_path)
    verdicts = {(one["instance_id"], one["model"]): one["verdict"] for one in done.json["results"]}
    expected = {"gold": "passed", "wrong": "failed", "none": "no_patch"}
    assert verdicts == {(name, model): expected[model] for name in good for model in expected}
