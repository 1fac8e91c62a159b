"""Task directories of Harbor and of Terminal-Bench 1: an image, an instruction, a grading script.

Read as data; nothing is run here.
"""

import re
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any

from pydantic import Field

from arena.paths import SafePath
from arena.records import Assurance, File, Seconds
from arena.records.task import WEEK_S
from arena.serialize import read_text, read_toml, read_yaml
from arena.task.files import read_tree
from arena.task.formats.compose import HARNESS, Composed, read_composed
from arena.task.formats.instances import MALFORMED, Thing, Unreadable, unreadable

TESTS = "/tests"
"""Where the grading scripts lie in the container."""

_ABOVE = re.compile(r"|<!--(?=.*canary).*-->|#.*canary.*", re.IGNORECASE)
"""Lines above an instruction that do not belong to it."""
_COPIES = re.compile(r"^[ \t]*(?:COPY|ADD)[ \t](.*)", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"[^\s\"',\[\]]+")
_TEST_SECONDS = 600.0
_GIVEN = {
    **dict.fromkeys(("MAIN_IMAGE_NAME", "T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME"), HARNESS),
    **dict.fromkeys(("T_BENCH_TASK_LOGS_PATH", "T_BENCH_TASK_AGENT_LOGS_PATH"), HARNESS),
    **dict.fromkeys(("HOST_VERIFIER_LOGS_PATH", "HOST_AGENT_LOGS_PATH"), HARNESS),
    **dict.fromkeys(("HOST_ARTIFACTS_PATH", "T_BENCH_CONTAINER_AGENT_LOGS_PATH"), HARNESS),
    **dict.fromkeys(("COMPOSE_PROJECT_NAME", "T_BENCH_TASK_DOCKER_NAME_PREFIX"), "task"),
    **dict.fromkeys(("MAIN_CONTAINER_NAME", "T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME"), "task"),
    **dict.fromkeys(("TEST_DIR", "T_BENCH_TEST_DIR"), TESTS),
    "T_BENCH_CONTAINER_LOGS_PATH": "/logs",
}
"""What the two harnesses give compose files."""
_SOLVING = {"HOME": "/tmp", "DEBIAN_FRONTEND": "noninteractive"}  # noqa: S108


class Scripts(Thing):
    """One that a script grades."""

    title: str
    statement: str
    difficulty: str = ""
    build: tuple[File, ...]
    """The build context, with its Dockerfile."""
    tests: tuple[File, ...]
    solution: tuple[File, ...] = ()
    test_command: tuple[str, ...]
    solve_command: tuple[str, ...]
    environment: dict[str, str] = Field(default_factory=dict)
    """Variables of the solution."""
    composed: Composed = Composed()
    """What its compose file says."""
    assurance: Assurance
    timeout_s: Seconds = _TEST_SECONDS


def read_scripts(path: Path) -> Iterator[Scripts | Unreadable]:
    """The tasks of a folder: the folder itself, or its children."""
    root = SafePath(path)
    for folder in (root, *root.iterdir()):
        try:
            if (folder / "task.toml").is_file() and (folder / "instruction.md").is_file():
                yield _harbor(folder)
            elif (folder / "task.yaml").is_file() and (folder / "run-tests.sh").is_file():
                yield _terminal_bench(folder)
            elif (folder / "task.toml").is_file() and (folder / "steps").is_dir():
                yield Unreadable(instance_id=folder.name, reason="several steps: not supported")
        except MALFORMED as error:
            yield unreadable(folder.name, "task", error)


def _harbor(folder: SafePath) -> Scripts:
    config = read_toml(folder / "task.toml")
    environment = config.get("environment", {})
    name = str(config.get("task", {}).get("name") or folder.name).rpartition("/")[2]
    files = _with_image(read_tree(folder / "environment"), environment)
    given = {**_GIVEN, **_variables(environment.get("env"))}
    composed = read_composed(folder / "environment", files, "main", given)
    verifier = config.get("verifier", {})
    if verifier.get("environment_mode") == "separate" or "environment" in verifier:
        raise ValueError("its verifier has an image of its own")
    tests = read_tree(folder / "tests")
    if not any(file.path == "test.sh" for file in tests):
        raise ValueError("no tests/test.sh")
    return Scripts(
        instance_id=name,
        title=str(config.get("task", {}).get("description") or name)[:100],
        statement=_instruction(read_text(folder / "instruction.md")),
        difficulty=str(config.get("metadata", {}).get("difficulty") or ""),
        build=_must_be_built(composed.builds.get("main", files)),
        tests=tests,
        solution=read_tree(folder / "solution"),
        test_command=_told(composed, f"{TESTS}/test.sh"),
        solve_command=_told(composed, "/solution/solve.sh"),
        environment={**_SOLVING, **_variables(config.get("solution", {}).get("env"))},
        composed=composed,
        assurance="reward_file",
        timeout_s=min(float(verifier.get("timeout_sec") or _TEST_SECONDS), WEEK_S),
    )


def _terminal_bench(folder: SafePath) -> Scripts:
    config = read_yaml(folder / "task.yaml")
    aside = {"task.yaml", "run-tests.sh", "solution.sh", "solution.yaml", "docker-compose.yaml"}
    files = {file.path: file for file in read_tree(folder)}
    # Of the tests an author may lay a file there by its name, such as one that makes the data
    dockerfile = files["Dockerfile"].data if "Dockerfile" in files else b""
    steps = map(_WORD.findall, _COPIES.findall(dockerfile.decode("utf-8", "replace")))
    laid = {word.removeprefix("./") for words in steps for word in words[:-1]}
    shown = tuple(
        file
        for path, file in files.items()
        if path not in aside and (not path.startswith("tests/") or path in laid)
    )
    composed = read_composed(folder, shown, "client", _GIVEN)
    return Scripts(
        instance_id=folder.name,
        title=folder.name,
        statement=config["instruction"],
        difficulty=config.get("difficulty") or "",
        build=_must_be_built(composed.builds.get("client", shown)),
        tests=(files["run-tests.sh"], *read_tree(folder / "tests")),
        solution=(files["solution.sh"],) if "solution.sh" in files else (),
        test_command=_told(composed, f"{TESTS}/run-tests.sh"),
        solve_command=_told(composed, "/solution/solution.sh"),
        environment=_SOLVING,
        composed=composed,
        assurance="exit_code",
        timeout_s=min(float(config.get("max_test_timeout_sec") or 60.0), WEEK_S),
    )


def _with_image(build: tuple[File, ...], environment: dict[str, Any]) -> tuple[File, ...]:
    """The build context; of an environment that is only an image, one that says so."""
    image = environment.get("docker_image")
    if not image or any(file.path == "Dockerfile" for file in build):
        return build
    return (*build, File(path="Dockerfile", data=f"FROM {image}\n".encode()))


def _variables(found: Any) -> dict[str, str]:
    """Variables that are written out; those of a host's environment are nobody's here."""
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(key): str(value) for key, value in pairs if "${" not in str(value)}


def _must_be_built(build: tuple[File, ...]) -> tuple[File, ...]:
    if not any(file.path == "Dockerfile" for file in build):
        raise ValueError("no Dockerfile, and no image is named")
    return build


def _told(composed: Composed, script: str) -> tuple[str, ...]:
    """The command of a script, with the variables that its compose file gives the container."""
    pairs = [f"{name}={value}" for name, value in composed.environment.items()]
    return (*(("env", *pairs) if pairs else ()), "bash", script)


def _instruction(text: str) -> str:
    lines = dropwhile(lambda line: _ABOVE.fullmatch(line.strip()), text.splitlines())
    return "\n".join(lines)
