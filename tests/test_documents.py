"""What the documents say can be done as it is written: commands, files, links, examples."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from arena.cli import app, register
from arena.config import BakeoffConfig
from arena.records import Record
from arena.records.program import Program
from arena.sandbox.image.recipe import SandboxSpec
from arena.task.mining.command_runner import MineFile
from arena.task.pack import TaskFile

ROOT = Path(__file__).parent.parent
PLACES = ("*.md", "docs/*.md", "docs/reference/*.md", "*/README.md")
DOCUMENTS = [path.relative_to(ROOT).as_posix() for one in PLACES for path in ROOT.glob(one)]
SCRIPTS = ["action.yml", "docs/ci/gitlab.yml", "Makefile", "scripts/sample.sh"]
FOLDERS = "arena|docs|reports|requirements|sandboxes|scripts|tasks|tests"
VALUES = {"N": "24", "DATE": "2026-11-01", "…": ""}
"""What may stand for a placeholder that is no word."""
TOLD = ("test_a.py", "test_x.py", "test_twin.py")
ELSEWHERE = {"arena/unfinished", "tests/runtests.py", *(f"tests/{name}" for name in TOLD)}
"""Paths of images, and of repositories that tasks are made of."""
EACH = pytest.mark.parametrize("document", DOCUMENTS)

if not app.registered_commands:
    register()
COMMANDS = typer.main.get_command(app)


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def fences(text: str) -> list[tuple[str, str]]:
    """Blocks of code, each with its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def inline(text: str) -> list[str]:
    """Code within sentences, broken lines joined."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose)]


def called(lines: str) -> Iterator[str]:
    """Calls of `arena` in shell text, less comments and where their output goes."""
    for line in lines.splitlines():
        bare = re.sub(r"\s#.*|\s\d?>.*|\"?\$\{[^}]*\}\"?|description: \"[^\"]*\"", "", line)
        bare = re.sub(r"\$\([^)]*\)|\"?\$\w+\"?", "1", bare)
        for words in re.findall(r"(?:^|[\s/])arena ([a-z][^;|>&}]*)", bare):
            yield words.strip()


def problem(line: str, *, complete: bool) -> str | None:
    """What the parser of a command has against it; in a sentence not all of it need be there."""
    command, words = COMMANDS, [VALUES.get(word, word) for word in shlex.split(line)]
    words = [word for word in words if word]
    while below := getattr(command, "commands", None):
        if not words:
            return None
        if words[0] not in below:
            return f"there is no command {words[0]!r}"
        command = below[words.pop(0)]
    if not words and not complete:
        return None
    try:
        command.make_context("arena", words)
    except typer.TyperException as error:
        told = error.format_message()
        return told if complete or not re.search("Missing|requires an argument", told) else None
    return None


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one != "CHANGELOG.md"])
def test_every_command_of_a_document_is_one(document):
    text = text_of(document)
    blocks = "\n".join(block for language, block in fences(text) if language in {"", "sh"})
    wrong = {line: problem(line, complete=True) for line in called(blocks)}
    for one in inline(text):
        if found := re.fullmatch(r"(?:\.venv/bin/)?arena ([a-z].*)", one):
            line = found[1].translate(str.maketrans("", "", "[]"))
            wrong[line] = problem(line, complete=False)
    assert {line: why for line, why in wrong.items() if why} == {}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_command_of_a_script_is_one(script):
    found = list(called((ROOT / script).read_text()))
    assert found
    assert {line: why for line in found if (why := problem(line, complete=True))} == {}


@EACH
def test_every_file_that_a_document_names_is_there(document):
    """Paths of the repository in code, such as `arena/git.py`; modules may be told within `arena`."""
    text = text_of(document)
    paths = rf"(?<![\w./-])(?:(?:{FOLDERS})/[\w./-]*\w/?|[a-z_]+/[\w/]+\.py\b)"
    code = [*inline(text), *(block for _, block in fences(text))]
    named = {path for one in code for path in re.findall(paths, one)}
    lost = {one for one in named - ELSEWHERE if not (ROOT / one).exists()}
    assert sorted(one for one in lost if not (ROOT / "arena" / one).exists()) == []


def anchors(document: Path) -> set[str]:
    """Of the headings of a document, as hosts make them."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@EACH
def test_every_link_within_the_repository_leads_somewhere(document):
    here, lost = ROOT / document, []
    prose = re.sub(r"^```.*?^```", "", here.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (here.parent / path) if path else here
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


KINDS = {"decides": SandboxSpec, "command": Program, "tests": TaskFile, "mine": MineFile}
"""What a file is that has a key."""
ANY: dict[str, Any] = {"name": "any", "tasks": ["core"], "contestant": [{"name": "nop"}]}


def record_of(tables: dict[str, Any]) -> tuple[type[Record], dict[str, Any]] | None:
    """What an example is read as, completed where it shows a part; None for a part of a record."""
    if "backend" in tables:
        return BakeoffConfig, {**ANY, "contestant": [{"name": "any", **tables}]}
    if tables.keys() & {"contestant", "executor", "policy", "race"}:
        return BakeoffConfig, {**ANY, **tables}
    found = next((kind for key, kind in KINDS.items() if key in tables), None)
    return (found, tables) if found else None


def test_every_example_in_toml_is_read():
    read = set()
    for document in DOCUMENTS:
        for language, block in fences(text_of(document)):
            tables = tomllib.loads(block) if language == "toml" else {}
            if (found := record_of(tables)) is not None:
                found[0].model_validate(found[1])
                read.add(found[0])
    assert read == {BakeoffConfig, *KINDS.values()}


def test_there_are_as_many_attacks_as_the_document_says():
    (told,) = re.findall(r"It holds over (\d+) tests", text_of("docs/integrity.md"))
    command = [sys.executable, "-m", "pytest", "tests/integrity", "--collect-only", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (found,) = re.findall(r"^(\d+) tests collected", done.stdout, re.MULTILINE)
    assert int(told) <= int(found) < int(told) + 100
