"""The shipped pipelines, each shell step taken out of its file and executed as its runner would."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.rig import bakeoff, contestant, control, environment
from tests.servers.openai_stub import Stub, text

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/bakeoff.yml").read_text())
GITLAB = yaml.safe_load((ROOT / "docs/ci/gitlab.yml").read_text())


def test_inputs_reach_the_shell_through_the_environment_only():
    assert len(STEPS) == 7
    for step in STEPS.values():
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
    given = set(re.findall(r"inputs\.(\w+)", (ROOT / "action.yml").read_text()))
    assert given == set(ACTION["inputs"])


def test_the_workflow_names_its_permissions_and_hands_on_what_the_action_takes():
    assert WORKFLOW["permissions"] == {"contents": "read", "pull-requests": "write"}
    inputs = WORKFLOW[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as a boolean
    for job in WORKFLOW["jobs"].values():
        (night,) = [step for step in job["steps"] if step.get("uses") == "./.arena"]
        assert set(night["with"]) <= set(ACTION["inputs"])
        told = set(re.findall(r"inputs\.(\w+)", json.dumps(job)))
        assert told == set(inputs)


class Runner:
    """A checkout in which steps run one after the other, on a PATH as `Install` leaves it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.env = environment(
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            PYTHONPATH=str(ROOT),
            RUNNER_TEMP=str(folder / "temp"),
            GITHUB_OUTPUT=str(folder / "output"),
            GITHUB_PATH=str(folder / "path"),
            GITHUB_STEP_SUMMARY=str(folder / "summary.md"),
            **settings,
        )

    def bash(self, text: str, **env: str) -> subprocess.CompletedProcess[str]:
        script = self.folder / "step.sh"
        script.write_text(text)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        where = {"cwd": self.folder, "env": {**self.env, **env}}
        return subprocess.run(command, **where, capture_output=True, text=True, check=False)

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        known = {key: str(one.get("default", "")) for key, one in ACTION["inputs"].items()} | inputs
        context = {f"inputs.{key}": value for key, value in known.items()}
        context |= {"github.action_path": str(ROOT), "github.token": "t"}
        context |= {"github.event.pull_request.number": "7"}

        def filled(value: str) -> str:
            return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda m: context[m[1]], value)

        step = STEPS[name]
        env = {key: filled(value) for key, value in step.get("env", {}).items()}
        return self.bash(step["run"], **env)


@pytest.fixture
def config(tmp_path):
    with Stub(lambda _: text("I would rather not.")) as stub:
        lazy = contestant("lazy", stub.base_url, api_key_env="THE_KEY")
        bakeoff(tmp_path, [control("oracle"), lazy], tasks=("core/text-wrap",), name="it's a.toml")
        yield "it's a.toml"


def test_a_night_on_github(tmp_path, config):
    github = Runner(tmp_path, GITHUB_RUN_ID="1")
    secrets = json.dumps({"THE_KEY": "it's$(touch${IFS}broken)", "OTHER": "not handed on"})
    inputs = {"config": config, "keys": "THE_KEY ABSENT", "secrets": secrets}
    ran = github.step("Run", **inputs)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "output").read_text() == "finished=true\n"
    assert not (tmp_path / "broken").exists()
    for name in ("Gate", "Series", "Keep the folder small"):
        done = github.step(name, **inputs)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
    gated = (tmp_path / "arena-gate.md").read_text()
    assert "No earlier night can be compared with this one" in gated
    assert "No change is shown in 1 night" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "arena-trend.html").exists()
    assert (tmp_path / "runs/night-1/report/index.html").exists()


@pytest.mark.slow  # the same commands as on GitHub, once more
def test_nights_on_gitlab(tmp_path, config):
    job = GITLAB["arena-night"]
    gitlab = Runner(tmp_path, CONFIG=config, RUNS="runs", THE_KEY="k")
    night = "\n".join((job["before_script"][-1], *job["script"]))
    for number in ("1", "2"):
        done = gitlab.bash(night, CI_PIPELINE_ID=number)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1 earlier night" in (tmp_path / "arena-gate.md").read_text()
    assert "No change is shown in 2 nights" in (tmp_path / "arena-trend.html").read_text()


def test_a_defect_of_the_run_stops_the_night(tmp_path):
    ran = Runner(tmp_path, GITHUB_RUN_ID="1").step("Run", config="absent.toml")
    assert ran.returncode == 2
    assert not (tmp_path / "output").exists()


def test_the_comment_is_made_where_there_is_something_to_say(tmp_path):
    tool = tmp_path / "bin" / "gh"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$@" >>"$0.log"\n')
    tool.chmod(0o755)
    runner = Runner(tmp_path)
    runner.env["PATH"] = f"{tool.parent}:{runner.env['PATH']}"
    assert runner.step("Comment").returncode == 0
    (tmp_path / "arena-gate.md").write_text("### Pass\n")
    assert runner.step("Comment").returncode == 0
    told = (tool.parent / "gh.log").read_text()
    assert told == "pr comment 7 --body-file arena-gate.md\n"


@pytest.mark.slow  # installs all that Arena needs
def test_the_action_installs_itself(tmp_path):
    done = Runner(tmp_path).step("Install")
    assert done.returncode == 0, done.stderr
    folder = Path((tmp_path / "path").read_text().strip())
    told = subprocess.run(
        [folder / "arena", "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("arena ")
