"""The files that other programs read in a checkout: workflows, hooks, the citation, pinned packages."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from arena import __version__

ROOT = Path(__file__).parent.parent
SCHEMAS = {
    "vendor.github-workflows": (".github/workflows/ci.yml", ".github/workflows/bakeoff.yml"),
    "vendor.github-actions": ("action.yml",),
    "vendor.gitlab-ci": ("--data-transform", "gitlab-ci", "docs/ci/gitlab.yml"),
    "vendor.citation-file-format": ("CITATION.cff",),
}
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[\S*\])?==([^\s;\\]+)", re.MULTILINE)


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def pinned(name: str) -> dict[str, set[str]]:
    """Versions of each package in a lock; several where Pythons differ."""
    found: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / f"requirements/{name}.lock").read_text()):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def unmet(asked: list[str], pins: dict[str, set[str]]) -> list[str]:
    """Requirements of this Python that a lock does not hold in a version that will do."""
    wanted = [one for text in asked if holds(one := Requirement(text))]
    return [
        str(one)
        for one in wanted
        if not any(
            one.specifier.contains(version, prereleases=True)
            for version in pins.get(canonicalize_name(one.name), ())
        )
    ]


def holds(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_have_the_form_that_their_readers_want(schema):
    run("check_jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])


def test_the_hooks_are_well_formed_and_download_nothing():
    run("pre_commit", "validate-config", ".pre-commit-config.yaml")
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]


def test_ci_runs_the_command_of_the_readme():
    runs = re.findall(r"- run: (.+)", (ROOT / ".github/workflows/ci.yml").read_text())
    assert runs == ['sudo env "PATH=$PATH" make test']
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
    needed, extras = asked["project"]["dependencies"], asked["project"]["optional-dependencies"]
    tested = [one for name, more in extras.items() if name != "local-llm" for one in more]
    wanted = {
        "runtime": needed,
        "dev": [*needed, *tested, *asked["dependency-groups"]["dev"]],
        "llm": extras["local-llm"],
    }
    for name, requirements in wanted.items():
        assert unmet(requirements, pinned(name)) == [], f"run scripts/lock.sh: {name}"


def test_what_is_pinned_needs_nothing_else():
    """As it must be, since it is installed without looking at what it needs."""
    for name in ("runtime", "dev"):
        pins = pinned(name)
        for package in pins:
            try:
                needs = metadata.requires(package) or []
            except metadata.PackageNotFoundError:  # of another platform
                continue
            assert unmet(needs, pins) == [], f"run scripts/lock.sh: {name}, for {package}"


def test_both_locks_agree():
    dev = pinned("dev")
    assert {n: v for n, v in pinned("runtime").items() if v != dev.get(n)} == {}


def test_each_dependency_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text()
    lists = re.findall(r"^(?:dependencies|dev) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    lines = [line for one in lists for line in one.splitlines()]
    assert len(lists) == 2
    assert [line for line in lines if not re.search(r"  *# *\w", line)] == []


CLOCKS = {"perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "thread_time"}


def test_no_test_times():
    """Clocks that measure are for `tests/benchmarks`; Hypothesis has limits of time unless told."""
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
    for path in (ROOT / "tests").rglob("*.py"):
        if path.is_relative_to(ROOT / "tests/benchmarks"):
            continue
        nodes = list(ast.walk(ast.parse(path.read_text())))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        used |= {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not used & CLOCKS, path


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
