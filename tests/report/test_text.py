import io
import re
import subprocess
import sys

import pytest
from rich.console import Console

from arena.report import exports
from arena.report.caveats import answer


def shown(scored, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(exports.render(scored))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_it_fits_and_names_everyone(scored, width):
    lines = shown(scored, width)
    assert max(map(len, lines)) <= width
    for row in scored.board.rows:
        assert any(row.who.name in line for line in lines)
    (head,) = [line for line in lines if line.startswith("rank")]
    assert "pass rate" in head


def test_wide_terminals_see_every_column(scored):
    (head,) = [line for line in shown(scored, 160) if line.startswith("rank")]
    assert head.split() == [
        "rank", "contestant", "pass", "rate", "95%", "passed", "all", "3", "$/attempt", "$/solved",
        "time", "90%", "within", "first", "byte", "tokens/s", "billed",
    ]  # fmt: skip


def test_how_busy_a_machine_was_is_said_with_its_cost(scored):
    assert any(re.search(r"local-14b \(\d+\.\d\): priced by mach", s) for s in shown(scored, 400))


def test_the_answer_comes_first(scored):
    assert shown(scored, 1000)[0] == f"{answer(scored).headline}."


def test_text_needs_no_library_of_pages_or_charts():
    code = "import sys, arena.report.exports; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"altair", "vl_convert", "jinja2"} & set(loaded.stdout.split())
