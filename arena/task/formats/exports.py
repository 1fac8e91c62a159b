"""Our tasks in other people's forms: SWE-bench v5 rows, and Harbor task directories."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from arena.records import File, Task
from arena.serialize import lines_writer, to_toml
from arena.task.formats.predictions import instance_id
from arena.task.formats.shell_tests import hidden_commands, shown_id, test_commands
from arena.task.pack import gold_patch, hidden_files
from arena.task.write import write_files

SWEBENCH_WORKDIR = "/testbed"
HARBOR_WORKDIR = "/app"

_START, _END = ">>>>> Start Test Output", ">>>>> End Test Output"


def swebench_row(task: Task, image: str) -> dict[str, JsonValue]:
    """One row of SWE-bench's fifth form, which its harness runs without a table of its own."""
    script = [
        "#!/bin/bash",
        "set -uxo pipefail",
        *hidden_commands(task, SWEBENCH_WORKDIR),
        "set +x",
        f"echo '{_START}'",
        *test_commands(task, SWEBENCH_WORKDIR),
        f"echo '{_END}'",
    ]
    return {
        "instance_id": instance_id(task),
        "repo": task.repository or task.pack,
        "version": "1",
        "base_commit": "HEAD",
        "image": image,
        "eval_script": "\n".join(script) + "\n",
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
        "FAIL_TO_PASS": [shown_id(one) for one in task.tests.fail_to_pass],
        "PASS_TO_PASS": [shown_id(one) for one in task.tests.pass_to_pass],
        "patch": gold_patch(task) or "",
        "test_patch": "",
        "problem_statement": task.problem_statement,
        "hints_text": "",
        "split": "test",
    }


def write_swebench(path: Path, tasks: Sequence[Task], images: Mapping[str, str]) -> None:
    """Write rows as JSON Lines."""
    with path.open("w", encoding="utf-8") as handle:
        lines_writer(handle).write_all(swebench_row(task, images[task.id]) for task in tasks)


def write_harbor(folder: Path, task: Task, image: str) -> Path:
    """Write one Harbor task directory; its path."""
    root = folder / instance_id(task)
    wanted = " ".join(shown_id(one) for one in (*task.tests.fail_to_pass, *task.tests.pass_to_pass))
    expected = wanted.replace(" ", "\n") + "\n"
    test = [
        "#!/bin/bash",
        "set -o pipefail",
        f"cp -r /tests/files/. {HARBOR_WORKDIR}/ 2>/dev/null",
        "{",
        *test_commands(task, HARBOR_WORKDIR),
        "} > /tmp/arena-tests.out 2>&1",
        "cat /tmp/arena-tests.out",
        "reward=1",
        "while read -r id; do",
        '  grep -qxF -- "PASSED $id" /tmp/arena-tests.out || reward=0',
        "done < /tests/expected.txt",
        "mkdir -p /logs/verifier && echo $reward > /logs/verifier/reward.txt",
    ]
    solve = [
        "#!/bin/bash",
        f"cd {HARBOR_WORKDIR} && git apply --whitespace=nowarn /solution/gold.patch",
    ]
    gold = (gold_patch(task) or "").encode("utf-8", "surrogateescape")
    write_files(
        root,
        [
            File(path="task.toml", data=_task_toml(task, image).encode()),
            File(path="instruction.md", data=task.problem_statement.encode()),
            File(path="environment/Dockerfile", data=f"FROM {image}\n".encode()),
            File(path="tests/test.sh", data=("\n".join(test) + "\n").encode(), mode=0o755),
            File(path="tests/expected.txt", data=expected.encode()),
            *(
                file.model_copy(update={"path": f"tests/files/{file.path}"})
                for file in hidden_files(task)
            ),
            File(path="solution/solve.sh", data=("\n".join(solve) + "\n").encode(), mode=0o755),
            File(path="solution/gold.patch", data=gold),
        ],
    )
    return root


def _task_toml(task: Task, image: str) -> str:
    return to_toml(
        {
            "schema_version": "1.4",
            "task": {"name": f"{task.pack}/{task.root.name}", "description": task.title},
            "metadata": {"difficulty": task.difficulty, "tags": task.tags},
            "verifier": {"timeout_sec": task.tests.timeout_s},
            "environment": {"docker_image": image, "workdir": HARBOR_WORKDIR},
        }
    )
