"""Whatever tasks, models and providers write, it is shown and does nothing."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from arena.report import exports, site
from arena.report.caveats import notes
from arena.report.scored import Scored, score
from arena.score.load import load
from tests.report.cast import Actor, backend, cast, contestant
from tests.report.looking import CANARY, address, look
from tests.report.make_run import Text, make_run
from tests.score.made import Player, results, task

ATTACK = (
    f"<script>window.{CANARY}=1</script><img src=x onerror='window.{CANARY}=2'>"
    f'<svg onload=window.{CANARY}=3>"><iframe srcdoc="<script>parent.{CANARY}=4</script>">'
    f'</style><style>body{{display:none}}</style><a href="javascript:window.{CANARY}=5">x</a>'
    "{{7*7}}${7*7} ]]> --> </textarea></title></pre>"
    "\x1b]0;pwned\x07\x1b[31mred\x1b[2J \u202egpj.exe"
)
NAMES = (
    f"<img src=x onerror=window.{CANARY}=6>",
    '=HYPERLINK("http:evil","click")',
    "@everyone | **bold** `code`",
    "\x1b[31mansi\x1b[0m & \\textbf{x} $x^2$ 50%",
    f"'\"><script>window.{CANARY}=7<",
)


def actors() -> list[Actor]:
    found = [cast()[0]]
    for i, name in enumerate(NAMES):
        spec = backend(f"p{i}{ATTACK}", f"m{ATTACK}", f"lab{ATTACK}", f"C{i}<b>", ("1", "0.1", "2"))
        found.append(replace(cast()[2], spec=contestant(name, spec), fault_rate=0.1))
    return found


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Scored:
    wrapped = ATTACK.replace("{", "{{").replace("}", "}}")
    text = Text(
        statement=f"# {wrapped}\n\n[l](javascript:alert(1)) ![i](http://evil.example/x.png)\n\n"
        f"<script>window.{CANARY}=8</script>\n\n```html\n{wrapped}\n```\n<http://evil.example>",
        reply=wrapped,
        output=f"exit code: 1\n{wrapped}\n",
        patch_line=ATTACK.replace("\n", " "),
        title=wrapped,
        flag=ATTACK,
    )
    path = make_run(
        tmp_path_factory.mktemp("hostile") / "run",
        tasks=3,
        attempts=2,
        actors=actors(),
        text=text,
        name=ATTACK,
    )
    return score(load(path))


def test_pages_show_it_and_stay_quiet(browser, attacked: Scored):
    index = site.build(attacked)
    pages = [index, *sorted((index.parent / "trials").glob("*.html"))[:8]]
    assert len(pages) == 9
    for path in pages:
        with look(browser, address(path)) as seen:
            seen.page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
            for mark in seen.page.locator(".chart .wide a, a.mark, [data-tip]").all()[:20]:
                mark.hover(force=True)
            assert seen.page.evaluate(f"window.{CANARY}") is None
            assert seen.page.locator("main").is_visible(), "no style of theirs applies"
            assert (
                seen.page.locator("iframe, main img, main script, a[href^='javascript']").count()
                == 0
            )
            assert seen.troubles == []
            content = seen.page.locator("body").inner_text()
            assert f"window.{CANARY}=1" in content, "the attack is shown as text"
            assert "\x1b" not in content
            assert "\u202e" not in content
            assert "{{7*7}}" in content


def test_a_script_that_slipped_through_would_be_stopped(browser, attacked, tmp_path):
    """The policy holds without any escaping: a page with a foreign script in it."""
    index = site.build(attacked)
    page = index.read_text()
    foreign = f"<script>window.{CANARY}=9</script><img src=x onerror='window.{CANARY}=10'>"
    path = tmp_path / "report" / "index.html"
    path.parent.mkdir()
    path.write_text(page.replace("<main", foreign + "<main", 1))
    with look(browser, address(path)) as seen:
        assert seen.page.evaluate(f"window.{CANARY}") is None
        assert any("Content Security Policy" in trouble for trouble in seen.troubles)
        policy = seen.page.locator("meta[http-equiv]").get_attribute("content")
        assert policy
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_csv_holds_no_formula(attacked):
    for table in ("trials", "contestants", "calls", "tests"):
        text = exports.export(attacked, "csv", table=table).decode()
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                assert "\x1b" not in cell
                if cell.lstrip().startswith(("=", "+", "@")):
                    pytest.fail(f"{table}: {cell!r}")


def test_junit_is_xml(attacked):
    root = ET.fromstring(exports.export(attacked, "junit"))
    names = {suite.get("name") for suite in root.iter("testsuite")}
    assert NAMES[0] in names


def test_ids_of_tasks_control_no_terminal():
    run = results({"x": Player([1])}, tasks=[task(0, id=f"p/{ATTACK}", quarantined=("t",))])
    scored = score(run)
    for shown in (exports.export(scored, "junit").decode(), *notes(scored)):
        assert not set(shown) & set("\x1b\x07\u202e")
        assert "pwned" not in shown


def test_markdown_mentions_nobody_and_holds_no_markup(attacked):
    text = exports.export(attacked, "markdown").decode()
    assert "<img" not in text
    assert "@everyone" not in text
    assert "**bold**" not in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    columns = {line.replace("\\|", "").count("|") for line in table}
    assert len(columns) == 1, "no name opens a cell of its own"


def test_latex_has_no_command_of_theirs(attacked):
    text = exports.export(attacked, "latex").decode()
    assert "\\textbf" not in text
    assert "\\textbackslash{}textbf\\{x\\}" in text


def test_svg_is_xml_without_links_or_scripts(attacked):
    root = ET.fromstring(exports.export(attacked, "svg"))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "path", "text", "line", "rect", "defs", "clipPath", "title"}


def test_terminal_gets_no_escape_of_theirs(attacked):
    console = Console(width=200, file=io.StringIO(), force_terminal=False)
    console.print(exports.render(attacked))
    shown = console.file.getvalue()
    assert "\x1b" not in shown
    assert "[l]" not in shown
    assert "**bold**" in shown, "rich markup is not interpreted"


def test_json_round_trips(attacked):
    text_ = exports.export(attacked, "json").decode()
    assert {c["name"] for c in json.loads(text_)["contestants"]} == {*NAMES, "oracle"}
    assert '"schema": 2' in text_


def test_attack_reaches_the_files(attacked):
    """The fixture is hostile for real: the attack is in every file that pages are made from."""
    folder: Path = attacked.results.path
    assert f"window.{CANARY}=1" in (folder / "manifest.json").read_text()
    assert f"window.{CANARY}=1" in (folder / "ledger.jsonl").read_text()
    trials = list((folder / "trials").iterdir())
    assert any(
        f"{CANARY}=1" in (t / "patch.diff").read_text()
        for t in trials
        if (t / "patch.diff").exists()
    )
    assert any(f"{CANARY}=1" in (t / "transcript.jsonl").read_text() for t in trials)
