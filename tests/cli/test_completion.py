"""A shell completes commands, options, values and names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent.parent.parent / "reports" / "samples" / "demo"
MAIN = "import sys; sys.argv[0] = 'arena'; from arena.cli import main; main()"


def arena(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def completed(*words: object) -> list[str]:
    found = arena(
        _ARENA_COMPLETE="complete_bash",
        COMP_WORDS=" ".join(("arena", *map(str, words))),
        COMP_CWORD=str(len(words)),
    )
    return found.stdout.split()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["rep"], {"report", "reprice"}),
        (["tasks", "ex"], {"export"}),
        (["report", "run", "--format", "p"], {"parquet", "predictions", "png"}),
        (["tasks", "export", "core", "--to", ""], {"swebench", "harbor"}),
        (["backends", "show", "deepseek/deepseek-v4-p"], {"deepseek/deepseek-v4-pro"}),
        (["tasks", "check", "c"], {"core", "controls"}),
        (["tasks", "check", "core/interval-m"], {"core/interval-merge"}),
        (["tasks", "check", "none/"], set()),
        (["agents", "check", "claude"], {"claude-code"}),
        (["compare", SAMPLE, "or"], {"oracle"}),
        (["compare", SAMPLE.parent, "or"], set()),
        (["compare", SAMPLE, "oracle", "no"], {"nop"}),
    ],
)
def test_names_and_values_are_completed(words, wanted):
    assert set(completed(*words)) == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_shown_and_installed(tmp_path, shell):
    told = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    shown = arena("--show-completion", shell, **told)
    assert shown.returncode == 0, shown.stderr
    assert "_ARENA_COMPLETE" in shown.stdout
    assert list(tmp_path.rglob("*")) == []
    installed = arena("--install-completion", shell, **told)
    assert installed.returncode == 0, installed.stderr
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert any("_ARENA_COMPLETE" in text for text in written)


BASH = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
"$(complete -p arena | sed 's/.* -F \\([^ ]*\\) .*/\\1/')" arena
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""Completes a line as bash does on Tab, by what a script has told it of `arena`."""


def test_bash_itself_completes_with_the_installed_script(tmp_path):
    told = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    assert arena("--install-completion", "bash", **told).returncode == 0
    (script,) = tmp_path.rglob("arena.sh")
    program = tmp_path / "bin" / "arena"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{MAIN}" "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"

    def tab(*words: str) -> list[str]:
        command = ["bash", "--norc", "-c", BASH, "bash", str(script), "arena", *words]
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=True
        ).stdout.split()

    assert tab("tasks", "ex") == ["export"]
    assert set(tab("report", "run", "--format", "p")) == {"parquet", "predictions", "png"}
