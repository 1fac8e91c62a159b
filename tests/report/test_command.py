"""`arena report` as it is called: where its results go, and how wide they are."""

import json
import subprocess
import sys

import pytest

from tests.e2e.rig import arena

KINDS = ("terminal", "json", "csv", "markdown", "junit", "predictions")


@pytest.mark.parametrize("format_", KINDS)
def test_a_file_holds_what_stdout_would(run, tmp_path, format_):
    asked = ("report", str(run), "--format", format_)
    printed = arena(*asked, cwd=tmp_path, COLUMNS="70", FORCE_COLOR="")
    kept = arena(*asked, "--out", "kept", cwd=tmp_path, FORCE_COLOR="1")
    assert (printed.code, kept.code, kept.out) == (0, 0, "")
    text = (tmp_path / "kept").read_text()
    assert text == printed.out
    assert "\x1b" not in text
    if format_ == "json":
        json.loads(text)


WATCHED = """
import runpy, sys
sys.argv = ["arena", "report", *sys.argv[1:]]
try:
    runpy.run_module("arena", run_name="__main__")
except SystemExit as ended:
    assert not ended.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("format_", ["terminal", "json", "csv", "markdown", "html"])
def test_it_loads_no_library_that_runs_need(run, format_):
    asked = [sys.executable, "-c", WATCHED, str(run), "--format", format_]
    loaded = subprocess.run(asked, capture_output=True, text=True, check=True).stderr.split()
    assert "arena.report.scored" in loaded
    assert not {"docker", "httpx2", "openai", "ray"} & set(loaded)
    assert ("altair" in loaded) == (format_ == "html")


def test_no_column_is_lost_in_a_pipe(run, tmp_path):
    shown = arena("report", str(run), cwd=tmp_path).out.splitlines()
    (head,) = [line for line in shown if line.startswith("rank")]
    assert head.split()[-2:] == ["tokens/s", "billed"]
    assert "passed" in head


@pytest.mark.parametrize("format_", ["terminal", "json", "csv", "png"])
def test_a_file_that_cannot_be_written_is_one_clear_line(run, tmp_path, format_):
    found = arena("report", str(run), "--format", format_, "--out", "no/where", cwd=tmp_path)
    assert found.code == 2
    (line,) = found.err.splitlines()
    assert "--out" in line
    assert "no/where" in line


def test_the_page_has_its_place(run, tmp_path):
    refused = arena("report", str(run), "--format", "html", "--out", "x.html", cwd=tmp_path)
    assert refused.code == 2
    assert "--out" in refused.err
    assert not (tmp_path / "x.html").exists()
