"""The files that other programs read in a checkout: workflows, hooks, the citation, pinned packages."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from arena import __version__

ROOT = Path(__file__).parent.parent
SCHEMAS = {
    "vendor.github-workflows": (".github/workflows/ci.yml", ".github/workflows/bakeoff.yml"),
    "vendor.github-actions": ("action.yml",),
    "vendor.gitlab-ci": ("--data-transform", "gitlab-ci", "docs/ci/gitlab.yml"),
    "vendor.citation-file-format": ("CITATION.cff",),
}
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+", re.MULTILINE)


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_have_the_form_that_their_readers_want(schema):
    run("check_jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])


def test_the_hooks_are_well_formed_and_download_nothing():
    run("pre_commit", "validate-config", ".pre-commit-config.yaml")
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]


def test_ci_runs_the_command_of_the_readme():
    runs = re.findall(r"- run: (.+)", (ROOT / ".github/workflows/ci.yml").read_text())
    assert runs == ["make test"]
    assert "\nmake test " in (ROOT / "README.md").read_text()


def test_the_citation_names_this_version():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("name", ["runtime", "dev", "llm"])
def test_every_package_is_pinned_with_a_hash_and_no_index(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert entries
    for entry in entries:
        assert PIN.match(entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text


def test_all_that_is_asked_for_is_pinned():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "runtime": asked["project"]["dependencies"],
        "dev": [*asked["project"]["dependencies"], *asked["dependency-groups"]["dev"]],
        "llm": asked["project"]["optional-dependencies"]["local-llm"],
    }
    for name, requirements in wanted.items():
        pinned = {
            canonical(found)
            for found in PIN.findall((ROOT / f"requirements/{name}.lock").read_text())
        }
        missing = {canonical(one) for one in requirements} - pinned
        assert not missing, f"run scripts/lock.sh: {name} lacks {missing}"


def test_the_scripts_beside_the_numbers_exist():
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.*")]
    told = "".join(path.read_text() for path in texts if path.suffix in {".md", ".txt"})
    named = set(re.findall(r"\b(?:tests/benchmarks|scripts)/\w+\.(?:py|sh)\b", told))
    assert len(named) > 5
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_the_tests_that_the_threat_model_names_exist():
    named = re.findall(r"`(tests/\S+?\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())
    assert named
    for path, function in named:
        assert f"\ndef {function}(" in (ROOT / path).read_text(), f"{path}::{function}"
