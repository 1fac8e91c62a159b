"""Runs `arena` as a person would, against scripted endpoints and the real engine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from arena.task import pack

CANARY = "sk-canary-7f3a9c51e0b24d68"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} in JSON")


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_TOKEN"))}
    return {**kept, "NO_COLOR": "1", **more}


def start(
    *args: str, cwd: Path, program: Sequence[str] = ("-m", "arena"), **env: str
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *program, *args],
        cwd=cwd,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores SIGINT, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def arena(
    *args: str,
    cwd: Path,
    timeout_s: float = 240,
    program: Sequence[str] = ("-m", "arena"),
    **env: str,
) -> Ended:
    process = start(*args, cwd=cwd, program=program, **env)
    out, err = process.communicate(timeout=timeout_s)
    assert "Traceback" not in err, err
    return Ended(process.returncode, out, err)


def bakeoff(
    folder: Path,
    contestants: Sequence[str],
    *,
    tasks: Sequence[str],
    attempts: int = 1,
    more: str = "",
    name: str = "bakeoff.toml",
) -> Path:
    lines = [
        'name = "test"',
        f"tasks = {json.dumps(list(tasks))}",
        f"attempts = {attempts}",
        "concurrency = 2",
        more,
        *contestants,
    ]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def contestant(name: str, base_url: str, **fields: Any) -> str:
    backend = {"base_url": base_url, "model": f"{name}-model", **fields}
    inner = ", ".join(f"{key} = {_toml(value)}" for key, value in backend.items())
    return f'[[contestant]]\nname = "{name}"\nbackend = {{ {inner} }}'


def control(name: str) -> str:
    return f'[[contestant]]\nname = "{name}"\nagent = "{name}"'


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def gold_command(task_id: str) -> str:
    """A bash command that applies a task's gold patch, for a scripted model that knows it."""
    task = next(iter(pack.load(task_id, base=Path())))
    patch = pack.gold_patch(task)
    assert patch is not None
    return f"git apply - <<'EOF_GOLD'\n{patch}\nEOF_GOLD"


def ours(run_id: str | None = None) -> list[Any]:
    """Containers that carry the labels of a run, or of any."""
    client = docker.from_env()
    label = "arena.run" if run_id is None else f"arena.run={run_id}"
    try:
        return list(client.api.containers(all=True, filters={"label": label}))
    finally:
        client.close()


def run_id(run: Path) -> str:
    return str(json.loads((run / "manifest.json").read_text())["run_id"])
