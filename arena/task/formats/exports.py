"""Our tasks in other people's forms: SWE-bench v5 rows, and Harbor task directories.

For other people's harnesses, which read what tests print. Ids are written without blanks.
"""

import base64
import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from arena.paths import SafePath, safe
from arena.records import File, Task
from arena.serialize import lines_writer, to_toml
from arena.task.files import write_files
from arena.task.formats.predictions import instance_id
from arena.task.pack import gold_patch, hidden_files, tree_files
from arena.task.plan_ids import by_place

_HERE = Path(__file__).parent
_PYTEST_ENV = (
    "PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 "
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"
)
_TIDY = r"sed -E '/^(PASSED|FAILED|ERROR) /{s/ - .*//;s/[[:space:]]/_/2g}'"


def _shown_id(test_id: str) -> str:
    """An id as the script prints it."""
    return "_".join(test_id.partition(" - ")[0].split())


def _deciding(task: Task) -> tuple[str, ...]:
    return (*task.tests.fail_to_pass, *task.tests.pass_to_pass)


def can_be_shown(task: Task) -> str | None:
    """Why a task's tests cannot be a script of this kind; None where they can."""
    if task.tests.runner not in {"pytest", "node", "go"}:
        return f"runner {task.tests.runner}: what decides is not what its tests print"
    ids = _deciding(task)
    if len({_shown_id(one) for one in ids}) < len(ids):
        return "its test ids differ in blanks alone"
    return None


def _lay_files(files: Sequence[File], folder: str) -> list[str]:
    """Commands that write files below a folder."""
    lines = []
    for file in files:
        path = shlex.quote(f"{folder}/{file.path}")
        data = base64.b64encode(file.data).decode()
        lines.append(f'mkdir -p "$(dirname {path})" && echo {data} | base64 -d > {path}')
    return lines


def _test_commands(task: Task, workdir: str) -> list[str]:
    """Commands that run the tests and print one line each; the last one's status is theirs."""
    ids = _deciding(task)
    if task.tests.runner == "pytest":
        return _pytest(task, ids, workdir)
    return (_node if task.tests.runner == "node" else _go)(ids, workdir)


def _pytest(task: Task, ids: Sequence[str], workdir: str) -> list[str]:
    src = any(file.path.startswith("src/") for file in tree_files(task))
    options = [word for name in task.tests.plugins for word in ("-p", name)]
    options += [word for line in task.tests.options for word in ("-o", line)]
    command = shlex.join(
        [
            *("python3", "-m", "pytest", "-rA", "-q", "--tb=no", "--color=no"),
            *("-p", "no:cacheprovider", "-o", "addopts=", *options, *ids),
        ]
    )
    path = f"{workdir}/src" if src else workdir
    return [f"cd {workdir}", f"env {_PYTEST_ENV} PYTHONPATH={path} {command} 2>&1 | {_TIDY}"]


def _node(ids: Sequence[str], workdir: str) -> list[str]:
    reporter = File(path="arena-reporter.mjs", data=(_HERE / "reporter.mjs").read_bytes())
    files = " ".join(shlex.quote(path) for path in by_place(ids))
    run = 'ARENA_FILE="$f" node --test-reporter=/tmp/arena-reporter.mjs "$f"'
    return [
        f"cd {workdir}",
        *_lay_files([reporter], "/tmp"),  # noqa: S108  a path in the container
        f"code=0; for f in {files}; do {run} || code=1; done; (exit $code)",
    ]


def _go(ids: Sequence[str], workdir: str) -> list[str]:
    lines = [f"cd {workdir}", "export GOFLAGS=-mod=readonly GOPROXY=off CGO_ENABLED=0", "code=0"]
    for one in ids:
        folder, _, name = one.partition(":")
        run = f"go test -vet=off -count=1 -v -run {shlex.quote(f'^{name}$')} ./{folder}"
        ran = f"grep -q -- {shlex.quote(f'--- PASS: {name} ')} /tmp/arena-go.out"
        lines.append(
            f"if {run} >/tmp/arena-go.out 2>&1 && {ran}; then echo PASSED {shlex.quote(one)}; "
            f"else echo FAILED {shlex.quote(one)}; code=1; fi"
        )
    return [*lines, "(exit $code)"]


SWEBENCH_WORKDIR = "/testbed"
HARBOR_WORKDIR = "/app"
"""As `harbor-test.sh` has it."""
_GOLD = "/solution/gold.patch"


def swebench_row(task: Task, image: str) -> dict[str, JsonValue]:
    """One row of SWE-bench's fifth form, which its harness runs without a table of its own."""
    script = [
        "#!/bin/bash",
        "set -uxo pipefail",
        *_lay_files(hidden_files(task), SWEBENCH_WORKDIR),
        "set +x",
        "echo '>>>>> Start Test Output'",
        *_test_commands(task, SWEBENCH_WORKDIR),
        "echo '>>>>> End Test Output'",
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
        "FAIL_TO_PASS": [*map(_shown_id, task.tests.fail_to_pass)],
        "PASS_TO_PASS": [*map(_shown_id, task.tests.pass_to_pass)],
        "patch": gold_patch(task) or "",
        "test_patch": "",
        "problem_statement": task.problem_statement,
        "hints_text": "",
        "split": "test",
    }


def write_swebench(path: Path, tasks: Sequence[Task], images: Mapping[str, str]) -> None:
    """Write rows as JSON Lines."""
    rows = io.StringIO()
    lines_writer(rows).write_all(swebench_row(task, images[task.id]) for task in tasks)
    safe(path).write(rows.getvalue())


def write_harbor(folder: Path, task: Task, image: str) -> None:
    """Write one Harbor task directory."""
    head = {
        "schema_version": "1.4",
        "task": {"name": f"{task.pack}/{task.root.name}", "description": task.title},
        "metadata": {"difficulty": task.difficulty, "tags": task.tags},
        "verifier": {"timeout_sec": task.tests.timeout_s},
        "environment": {"docker_image": image, "workdir": HARBOR_WORKDIR},
    }
    expected = "".join(f"{_shown_id(one)}\n" for one in _deciding(task))
    run = "\n".join([*_test_commands(task, HARBOR_WORKDIR), ""])
    solve = f"#!/bin/bash\ncd {HARBOR_WORKDIR} && git apply --whitespace=nowarn {_GOLD}\n"
    gold = (gold_patch(task) or "").encode("utf-8", "surrogateescape")
    files = [
        File(path="task.toml", data=to_toml(head).encode()),
        File(path="instruction.md", data=task.problem_statement.encode()),
        File(path="environment/Dockerfile", data=f"FROM {image}\n".encode()),
        File(path="tests/test.sh", data=(_HERE / "harbor-test.sh").read_bytes(), mode=0o755),
        File(path="tests/run.sh", data=run.encode()),
        File(path="tests/expected.txt", data=expected.encode()),
        File(path="solution/solve.sh", data=solve.encode(), mode=0o755),
        File(path=_GOLD.strip("/"), data=gold),
    ]
    files += [
        file.model_copy(update={"path": f"tests/files/{file.path}"}) for file in hidden_files(task)
    ]
    write_files(SafePath(folder) / instance_id(task), files)  # which a stranger may have written
