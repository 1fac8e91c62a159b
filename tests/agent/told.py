"""Trajectories that a run exported, read by the format's own strict records."""

import json

import pytest
from atif import Trajectory

from tests.e2e.rig import arena


def exported(folder):
    """The files that the command wrote, read back by the format's strict records."""
    ended = arena("agents", "trajectories", "runs/test", "--out", "out", cwd=folder)
    assert ended.code == 0, ended.err
    found = {file.stem: json.loads(file.read_text()) for file in (folder / "out").glob("*.json")}
    return {name: Trajectory.model_validate(raw, strict=True) for name, raw in found.items()}


def totals(trajectory):
    told = trajectory.final_metrics
    return told.total_prompt_tokens, told.total_completion_tokens


def spent(report, name):
    row = next(row for row in report["contestants"] if row["name"] == name)
    return (row["tokens"]["input"], row["tokens"]["output"]), float(row["cost_usd"])


def agrees(trajectory, report, name):
    """Steps add up to the totals, and these are what the run was charged."""
    tokens, cost_usd = spent(report, name)
    steps = [step.metrics for step in trajectory.steps if step.metrics]
    assert totals(trajectory) == tokens
    assert sum(metrics.prompt_tokens for metrics in steps) == tokens[0]
    assert sum(metrics.completion_tokens for metrics in steps) == tokens[1]
    assert trajectory.final_metrics.total_cost_usd == pytest.approx(cost_usd)
    assert sum(metrics.cost_usd for metrics in steps) == pytest.approx(cost_usd)
    assert trajectory.final_metrics.total_steps == len(trajectory.steps)
