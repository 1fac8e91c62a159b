"""Every command's help: what it does, one example that can be parsed, and what holds by default."""

import re
import shlex
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from arena.cli import app, register

if not app.registered_commands:
    register()
ROOT = typer.main.get_command(app)


def walk(command, path=()):
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, inner in below.items():
        yield from walk(inner, (*path, name))


COMMANDS = dict(walk(ROOT))
EACH = pytest.mark.parametrize("path", COMMANDS, ids=" ".join)


def groups(command, path=()):
    if below := getattr(command, "commands", None):
        yield path, command
        for name, inner in below.items():
            yield from groups(inner, (*path, name))


GROUPS = dict(groups(ROOT))


def shown(path):
    """The help as a wide terminal shows it, without its frame."""
    found = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "500"}, color=False)
    assert found.exit_code == 0, found.output
    return re.sub(r"[\s│╭╮╰╯─]+", " ", found.output)


def test_there_are_commands():
    assert ("run",) in COMMANDS
    assert ("tasks", "check") in COMMANDS
    assert {(), ("tasks",), ("baseline",)} <= set(GROUPS)


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: " ".join(("arena", *path)))
def test_help_of_a_group_has_one_example_of_a_command_in_it(path):
    (example,) = re.findall(r"^Example: (.+)$", GROUPS[path].help, re.MULTILINE)
    assert f"Example: {example}" in shown(path)
    name, *words = shlex.split(example)
    found = max((one for one in COMMANDS if one == (*words[: len(one)],)), key=len)
    assert (name, *found[: len(path)]) == ("arena", *path)
    COMMANDS[found].make_context(found[-1], words[len(found) :])


HEAVY = {
    *("openai", "httpx2", "docker", "urllib3", "ray", "starlette", "uvicorn", "any_llm", "agents"),
    *("numpy", "scipy", "altair", "vl_convert", "pandas", "pyarrow", "jinja2"),
    *("jsonlines", "yaml", "tomli_w", "xllamacpp", "asyncio", "http.server"),
}
ALL_HELP = """
import sys
from arena.cli import app, register
register()
for words in sys.stdin:
    app([*words.split(), "--help"], standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""


def test_no_help_loads_what_only_a_command_needs():
    groups = {path[:n] for path in COMMANDS for n in range(len(path))}
    words = "".join(" ".join(path) + "\n" for path in [*sorted(groups), *COMMANDS])
    told = subprocess.run(
        [sys.executable, "-c", ALL_HELP], input=words, capture_output=True, text=True, check=True
    )
    assert told.stdout.count("Usage:") == words.count("\n")
    assert not HEAVY & set(told.stderr.split())


@EACH
def test_help_has_one_example_of_this_command(path):
    example = re.findall(r"^Example: (.+)$", COMMANDS[path].help, re.MULTILINE)
    assert len(example) == 1
    assert " ".join(shlex.split(example[0])[: len(path) + 1]) == " ".join(("arena", *path))
    assert f"Example: {example[0]}" in shown(path)


@EACH
def test_the_example_is_one_that_the_command_takes(path):
    (example,) = re.findall(r"^Example: (.+)$", COMMANDS[path].help, re.MULTILINE)
    command = COMMANDS[path]
    words = shlex.split(example)[len(path) + 1 :]
    context = command.make_context(path[-1], list(words), resilient_parsing=False)
    given = [one for one in command.params if one.required]
    assert all(context.params[one.name] for one in given)


@EACH
def test_help_shows_every_default(path):
    text = shown(path)
    for one in COMMANDS[path].params:
        assert one.help, f"{one.name} says nothing"
        if one.required or (one.default is False and not one.secondary_opts):
            continue
        default = one.show_default if isinstance(one.show_default, str) else one.default
        assert default is not None, f"{one.name} has a default that nobody is told"
        default = getattr(default, "value", default)
        name = one.opts[0] if one.opts[0].startswith("-") else one.name
        wanted = f"({default})" if isinstance(one.show_default, str) else f"{default}"
        assert re.search(rf"{re.escape(name)}\S* .*?\[default: {re.escape(wanted)}\]", text), (
            f"{name}: {wanted} is not in {text}"
        )
