"""An agent's identity is its code: whatever could change a result makes another agent."""

import shutil
from pathlib import Path

import pytest

import arena.agent
from arena.registry import AGENTS, code_of

FOLDER = Path(arena.agent.__file__).parent


@pytest.mark.parametrize(
    ("module", "parts"),
    [
        ("shell", {"agent.shell", "serialize"}),
        ("edits", {"agent.edits", "agent.blocks", "records.container"}),
        ("controls", {"agent.controls"}),
        (
            "external",
            {"agent.external", "records.container", "records.program", "serialize"},
        ),
    ],
)
def test_it_is_made_of_the_module_and_of_all_it_acts_by(module, parts):
    assert set(code_of(f"arena.agent.{module}")) == {f"arena.{part}" for part in parts}


def test_every_built_in_agent_has_code():
    for module in AGENTS.values():
        assert module in code_of(module)


@pytest.mark.parametrize("part", ["blocks", "edits"])
def test_a_change_of_any_part_makes_another_agent(part, tmp_path, monkeypatch):
    """A copy of the agent's package, under another name."""
    name = f"agents_with_another_{part}"
    copy = tmp_path / name
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file in copy.glob("*.py"):
        file.write_text(file.read_text().replace("arena.agent", name))
    monkeypatch.syspath_prepend(tmp_path)
    before = code_of(f"{name}.edits")
    path = copy / f"{part}.py"
    path.write_text(path.read_text() + "\nMORE = 1\n")
    after = code_of(f"{name}.edits")
    assert {module for module in before if before[module] != after[module]} == {f"{name}.{part}"}
