"""Exported tasks under the contracts of the harnesses they are for, in plain containers."""

import io
import json
import shutil
import tarfile

import docker
import pytest

from arena import resources
from arena.task import pack as packs
from tests.e2e.rig import arena
from tests.task import toy

TASKS = ("interval-merge", "column-layout", "log-tail")
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """A pack with one shipped task a language and a black-box one."""
    folder = tmp_path_factory.mktemp("export") / "some"
    folder.mkdir()
    shipped = resources.tasks_dir() / "core"
    for name in TASKS:
        shutil.copytree(shipped / name, folder / name, symlinks=True)
    (folder / "pack.toml").write_text(
        'name = "core"\ntitle = "Some"\nversion = "1"\nlicense = "MIT"\n'
    )
    return folder


@pytest.fixture
def run():
    """Runs a script as root in a container of an image, with files put first."""
    client = docker.from_env()

    def one(image, files, command):
        container = client.containers.create(image, command="tail -f /dev/null", user="root")
        try:
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                for path, data in files.items():
                    info = tarfile.TarInfo(path)
                    info.size, info.mode = len(data), 0o755
                    tar.addfile(info, io.BytesIO(data))
            container.put_archive("/", buffer.getvalue())
            container.start()
            return container.exec_run(["bash", "-c", command]).output.decode()
        finally:
            container.remove(force=True)

    yield one
    client.close()


def test_rows_are_resolved_by_gold_alone(core, tmp_path, run):
    done = arena("tasks", "export", str(core), "--to", "swebench", "--out", "sb", cwd=tmp_path)
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "sb/instances.jsonl").read_text().splitlines()]
    assert len(rows) == len(TASKS)
    for row in rows:
        files = {"eval.sh": row["eval_script"].encode(), "p.diff": row["patch"].encode()}
        wanted = {*row["FAIL_TO_PASS"], *row["PASS_TO_PASS"]}
        for apply, resolved in (("git apply /p.diff && ", True), ("", False)):
            log = run(row["image"], files, f"cd /testbed && {apply}bash /eval.sh")
            part = log.split(">>>>> Start Test Output")[1].split(">>>>> End Test Output")[0]
            status = {
                words[1]: words[0]
                for words in (line.split() for line in part.splitlines())
                if len(words) > 1 and words[0] in {"PASSED", "FAILED", "ERROR"}
            }
            passed = {name for name, said in status.items() if said == "PASSED"}
            assert (wanted <= passed) is resolved, (row["instance_id"], log)
            assert set(row["PASS_TO_PASS"]) <= passed


def test_directories_are_rewarded_for_the_solution_alone(core, tmp_path, run):
    done = arena("tasks", "export", str(core), "--to", "harbor", "--out", "hb", cwd=tmp_path)
    assert done.code == 0, done.err
    folders = sorted((tmp_path / "hb").iterdir())
    assert [folder.name for folder in folders] == sorted(f"core__{name}" for name in TASKS)
    for folder in folders:
        image = (folder / "environment/Dockerfile").read_text().split()[1]
        assert f'docker_image = "{image}"' in (folder / "task.toml").read_text()
        assert not any(folder.glob("environment/tests*"))
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for name in ("tests", "solution")
            for path in (folder / name).rglob("*")
            if path.is_file()
        }
        reward = "cd /app && {} bash /tests/test.sh >/tmp/log 2>&1; cat /logs/verifier/reward.txt"
        solved = run(image, files, reward.format("bash /solution/solve.sh &&"))
        assert solved.strip() == "1", folder
        assert run(image, files, reward.format("")).strip() == "0", folder


def test_what_has_no_such_form_is_listed(tmp_path):
    made = toy.a_pack(tmp_path)
    boxed = 'runner = "blackbox"\nfail_to_pass = ["a"]\n'
    toy.write(
        made,
        {
            "boxed/task.toml": toy.TASK.split("[tests]")[0] + "[tests]\n" + boxed,
            "boxed/problem.md": "x\n",
            "boxed/repo/a.py": "",
            "boxed/gold.patch": "",
            "boxed/blackbox.json": '{"command": ["cat"], "cases": [{"id": "a", "input": 1, "output": 2}]}',
        },
    )
    done = arena("tasks", "export", "./toys", "--to", "swebench", "--out", "sb", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "not exported: toys/boxed: runner blackbox" in done.err
    (row,) = map(json.loads, (tmp_path / "sb/instances.jsonl").read_text().splitlines())
    (task,) = [one for one in packs.load("./toys", base=tmp_path) if one.id == "toys/halves"]
    assert row["patch"] == packs.gold_patch(task)
