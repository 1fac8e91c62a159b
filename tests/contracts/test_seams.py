"""Each seam of `arena/protocols.py` has a contract test, which names all that stands at it."""

import ast
from pathlib import Path

import pytest

import arena
from arena import protocols
from arena.registry import AGENTS, agent_module

HERE = Path(__file__).parent
CONTRACTS = {
    "Pipe": "test_sandbox.py",
    "Sandbox": "test_sandbox.py",
    "Engine": "test_sandbox.py",
    "Backend": "test_backend.py",
    "SandboxBackend": "test_sandbox_backend.py",
    "SandboxSession": "test_sandbox_backend.py",
    "Transcript": "test_transcript.py",
    "Agent": "test_agent.py",
}
NO_SEAM = {"_NoBackend"}
"""Raises, so that a control that calls a model is a defect."""


def classes(path: Path) -> list[ast.ClassDef]:
    return [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef)]


def bases(one: ast.ClassDef) -> set[str]:
    return {ast.unparse(base) for base in one.bases}


def is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(one).endswith("property") for one in node.decorator_list)


def wants(seam: ast.ClassDef) -> set[tuple[str, bool]]:
    """What a seam offers, and whether that is called."""
    return {(n.name, not is_property(n)) for n in seam.body if isinstance(n, ast.FunctionDef)}


def has(one: ast.ClassDef) -> set[tuple[str, bool]]:
    """The same of a class; what is set on `self` may be either."""
    stored = {
        node.attr
        for node in ast.walk(one)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return wants(one) | {(name, called) for name in stored for called in (True, False)}


SEAMS = {one.name: one for one in classes(Path(protocols.__file__)) if "Protocol" in bases(one)}
OURS = [c for path in Path(arena.__file__).parent.rglob("*.py") for c in classes(path)]


def test_every_seam_has_its_contract():
    assert set(CONTRACTS) == set(SEAMS)


def implementations_of(seam: str) -> set[str]:
    return {one.name for one in OURS if wants(SEAMS[seam]) <= has(one)} - {seam, *NO_SEAM}


@pytest.mark.parametrize("seam", ["Sandbox", "Engine", "Backend", "SandboxBackend"])
def test_a_contract_names_everything_that_stands_at_its_seam(seam):
    found = implementations_of(seam)
    assert found
    text = (HERE / CONTRACTS[seam]).read_text()
    assert {name for name in found if name not in text} == set()


def test_a_contract_of_agents_takes_all_of_the_registry():
    assert "NAMES = [*AGENTS, " in (HERE / CONTRACTS["Agent"]).read_text()
    made = {type(agent_module(name).make(name, {})).__name__ for name in AGENTS}
    assert implementations_of("Agent") == made | {"ExternalAgent"}
