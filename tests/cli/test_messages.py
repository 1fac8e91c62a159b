"""What a person reads who wrote something wrong: one line, not long, with a way out."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from arena.cli import main
from arena.cli.options import Format, emit, say
from arena.cli.progress import RunProgress
from arena.cli.run import _show_grades
from arena.registry import unknown
from tests.benchmarks import ledgers

ROOT = Path(__file__).parent.parent.parent
SAMPLE = str(ROOT / "reports/samples/demo")
MAIN = "import sys; sys.argv[0] = 'arena'; from arena.cli import main; main()"
SIZE = ("--tasks", "10", "--backends", "2")


def ran(capsys, monkeypatch, *words):
    """Exit code, stdout and stderr of `arena` with these words."""
    monkeypatch.setattr(sys, "argv", ["arena", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    told = capsys.readouterr()
    return code, told.out, told.err


def bakeoff(folder, backend='"openai/gpt-5.1"', tasks='"core/cron-clock"'):
    path = folder / "bakeoff.toml"
    path.write_text(
        f'name = "n"\ntasks = [{tasks}]\ncontestant = [{{ name = "a", backend = {backend} }}]\n'
    )
    return path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["run", "x", "--attempts", "0"],
            "'--attempts': Input should be greater than or equal to 1",
        ),
        (["rn", "x"], "No such command 'rn'. Did you mean 'run'?; --help tells more"),
        (["zzz"], "No such command 'zzz'"),
        (["tasks", "zzz"], "No such command 'zzz'"),
        (["run"], "Missing argument 'config'"),
        (["compare", "x"], "Missing argument 'a'"),
        (["recommend", "x", "--formt", "json"], "No such option: --formt"),
        (["recommend", "x", "--format", "xml"], "'--format': 'xml' is not one of 'table', 'json'"),
        (["recommend", "x", "--format"], "'--format' requires an argument"),
        (["recommend", "x", "y"], "unexpected extra argument(s) (y)"),
        (["gate", "x", "--margin", "20"], "--margin: 20 is not a share; did you mean 0.2?"),
        (["gate", "x", "--max-faults", "5"], "--max-faults: 5 is not a share; did you mean 0.05?"),
        (["recommend", "x", "--margin", "20"], "--margin: 20 is not a share; did you mean 0.2?"),
        (["gate", "x", "--margin", "-1"], "--margin: -1 is not a share; give one from 0 to 1"),
        (["gate", "x", "--margin", "nan"], "--margin: nan is not a share"),
        (["power", "24", "--gap", "5"], "--gap: 5 is not a share; did you mean 0.05?"),
        (
            ["recommend", "x", "--country", "USA"],
            "'USA' is no ISO code of two letters; did you mean",
        ),
        (["backends", "list", "--country", "USA"], "did you mean 'US'?"),
        (["backends", "list", "--country", "China"], "did you mean 'CN'?"),
        (["backends", "list", "--residency", "France"], "did you mean 'FR'?"),
        (["backends", "list", "--country", "1"], "write one such as CN"),
        (
            ["tasks", "mine", ".", "--out", "o", "--since", "notadate"],
            "--since: 'notadate' is not a",
        ),
        (
            ["tasks", "mine", ".", "--out", "o", "--until", "2025-13-01"],
            "--until: '2025-13-01' is n",
        ),
        (["reprice", "x", "--at", "tomorrow"], "--at: 'tomorrow' is not a date; write 2026-11-01"),
        (
            ["tasks", "list", "core/cron-clok"],
            "unknown task 'cron-clok'; did you mean 'cron-clock'?",
        ),
        (["tasks", "list", "core/zzz"], " more; `arena tasks list core` shows them"),
        (["tasks", "list", "cor"], "no shipped pack is called 'cor'; did you mean 'core'"),
        (
            ["backends", "show", "gpt-5.1"],
            "'gpt-5.1' is not a backend; did you mean 'openai/gpt-5.1'?",
        ),
        (["backends", "show", "openai/zzz"], " more; `arena backends list` shows them"),
        (["backends", "show", "OpenAI/gpt-5.1"], "did you mean 'openai'?"),
        (["backends", "show", "openrouter/gpt-5.1"], "did you mean 'openai/gpt-5.1'?"),
        (["report", "nosuch"], "no run here"),
        (["scale", *SIZE, "--memory-gb", "inf"], "'--memory-gb': Input should be less than"),
        (["scale", *SIZE, "--cpu-s", "inf"], "cpu_s: Input should be a finite number"),
        (["scale", *SIZE, "--calls", "inf"], "--calls: median: Input should be a finite number"),
        (["sandboxes", "prune", "--keep-gb", "inf"], "'--keep-gb': Input should be less than"),
    ],
)
def test_one_line_says_what_is_wrong_and_what_to_do(capsys, monkeypatch, words, says):
    code, out, err = ran(capsys, monkeypatch, *words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert len(err) < 240, err


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"backend": '"openai/gpt-51"'},
            "unknown model of openai 'gpt-51'; did you mean 'gpt-5.1'?",
        ),
        ({"backend": '"openai/zzz"'}, " more; `arena backends list` shows them"),
        ({"tasks": '"core/zzz"'}, " more; `arena tasks list core` shows them"),
    ],
)
def test_a_wrong_name_in_a_configuration_is_one_short_line(
    tmp_path, capsys, monkeypatch, changed, says
):
    path = bakeoff(tmp_path, **changed)
    code, _, err = ran(capsys, monkeypatch, "plan", path)
    assert code == 2
    assert says in err
    assert err.count("\n") == 1
    assert len(err.replace(str(path), "bakeoff.toml")) < 240, err


def test_a_wrong_contestant_of_many_is_one_short_line(tmp_path, capsys, monkeypatch):
    ledgers.write(tmp_path / "run", ledgers.manifest(1, 40, 1), calls=0)
    code, _, err = ran(capsys, monkeypatch, "compare", tmp_path / "run", "c1", "sonnet")
    assert code == 2
    assert "unknown contestant 'sonnet'; known: c0, c1, c10, c11, c12 and 35 more" in err


def test_codes_of_countries_are_taken_in_any_case(capsys, monkeypatch):
    code, out, _ = ran(capsys, monkeypatch, "backends", "list", "--country", "cn")
    assert code == 0
    assert "deepseek/" in out
    assert "openai/" not in out
    code, _, err = ran(capsys, monkeypatch, "backends", "list", "--country", "KR")
    assert (code, err) == (0, "no backend of the catalogue is so\n")


def test_no_value_is_shown_as_a_program_writes_it(capsys):
    row = {"fell": {"proof": 3, "build": 1}, "tags": ["a", "b"], "ok": True, "none": None, "no": {}}
    emit("rows", [row], tuple(row), Format.TABLE)
    shown = capsys.readouterr().out
    assert "proof 3, build 1" in shown
    assert "a, b" in shown
    assert "yes" in shown
    assert not set("{}[]'") & set(shown)


def test_what_was_not_graded_is_said_in_words(tmp_path, capsys):
    left = {"unknown": [f"x-{n}" for n in range(9)], "without_prediction": ["core/a"]}
    _show_grades([], left, tmp_path, Format.TABLE)
    told = capsys.readouterr().err
    assert "not graded, since they are of no task that --tasks names: x-0, x-1, x-2, x-3" in told
    assert "and 4 more" in told
    assert "tasks that the file has no patch for: core/a" in told


@pytest.mark.parametrize(
    "words",
    [
        ["report"],
        ["trend"],
        ["backends", "list", "--profiles"],
        ["agents", "list", "--agents"],
        ["tasks", "check"],
    ],
)
def test_a_path_that_cannot_be_used_is_named(capsys, monkeypatch, words):
    path = "./" + "n" * 300
    code, out, err = ran(capsys, monkeypatch, *words, path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert path[2:] in err
    assert "File name too long" in err


def test_near_names_are_found_in_any_case():
    assert "did you mean 'DeepSeek'?" in unknown("lab", "deepseek", ["DeepSeek", "Qwen"]).line()
    assert unknown("lab", "x", []).remedy == "known: none"


@pytest.mark.parametrize("words", [["--help"], ["tasks", "--help"], ["--version"]])
def test_help_and_version_end_well(capsys, monkeypatch, words):
    code, out, err = ran(capsys, monkeypatch, *words)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize("words", [[], ["tasks"]])
def test_no_command_is_answered_with_the_help_alone(capsys, monkeypatch, words):
    code, out, err = ran(capsys, monkeypatch, *words)
    assert code == 2
    assert "Usage" in out + err
    assert "arena:" not in out + err


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("-c", ["gate", SAMPLE, "--baseline", SAMPLE]),
        ("-uc", ["gate", SAMPLE, "--baseline", SAMPLE]),  # as where the answer is long
        ("-c", ["report", SAMPLE]),
    ],
)
def test_whoever_does_not_read_the_answer_is_told_no_verdict(how, words):
    """Neither 0, which says that all is well, nor 1, that a check failed."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, how, MAIN, *words], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_stdout_that_is_closed_is_no_defect():
    words = [sys.executable, "-c", MAIN, "gate", SAMPLE, "--baseline", SAMPLE]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *words]
    ended = subprocess.run(closed, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_run_goes_on_that_nobody_watches(tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        monkeypatch.setattr(sys, "stderr", nobody)
        shown = RunProgress({"a": 1}, tmp_path)
        shown.say("one")
        shown.say("two")
        monkeypatch.undo()
        with suppress(OSError):
            nobody.close()


def test_no_line_of_progress_holds_a_terminal_code(capsys, tmp_path):
    code = "\x1b]0;title\x07a\x1b[2Jb\x9b2Jc"
    say(code)
    RunProgress({"a": 1}, tmp_path).say(code)
    told = capsys.readouterr().err
    assert told.count("abc") == 2
    assert not {"\x1b", "\x07", "\x9b"} & set(told)
