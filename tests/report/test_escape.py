import csv
import html
import io
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from arena.report.format import csv_text, latex, markdown, one_line, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("10%\r100%\r\ndone", "10%\n100%\ndone"),
        ("a\x00b\x08", "a\ufffdb\ufffd"),
        ("\ud800", "\ufffd"),
        ("if \u202eeslaf", "if <U+202E>eslaf"),
        ("plain ✓ text\n\tindented", "plain ✓ text\n\tindented"),
    ],
)
def test_plain_removes_what_escaping_leaves(text, shown):
    assert plain(text) == shown


@given(st.text(alphabet=st.characters(), max_size=60))
def test_plain_is_valid_xml_and_holds_no_escape(text):
    shown = plain(text)
    assert "\x1b" not in shown
    element = ET.Element("t", value=shown)
    ET.fromstring(ET.tostring(element, encoding="utf-8"))


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "\uff201",
        "\uff0b1",
    ],
)
def test_csv_text_is_never_a_formula(formula):
    out = io.StringIO()
    csv.writer(out).writerow([csv_text(formula)])
    (cell,) = next(csv.reader(io.StringIO(out.getvalue())))
    assert cell.startswith("'")


def test_csv_text_leaves_ordinary_text_alone():
    assert csv_text("core/lru-expiry") == "core/lru-expiry"


def test_one_line_is_one_line_and_short():
    assert one_line("a\n\n b\tc") == "a b c"
    assert len(one_line("x" * 500)) == 200


def test_latex_escapes_every_special_character():
    assert latex(r"50% & $x_1 #{a}~^\ <b>") == (
        r"50\% \& \$x\_1 \#\{a\}\textasciitilde{}\textasciicircum{}\textbackslash{}"
        r" \textless{}b\textgreater{}"
    )


@pytest.mark.parametrize("text", ["# h", "- a", "+ a", "1. a", "12) a", "---", "-", "> a"])
def test_markdown_begins_no_block(text):
    assert MarkdownIt().render(markdown(text)) == f"<p>{html.escape(text)}</p>\n"


def test_markdown_leaves_figures_alone():
    for text in ("3.1 s", "-5", "1.5", ".5"):
        assert markdown(text) == text


def test_markdown_shows_text_literally():
    shown = markdown("<img src=x> | **b** [l](http://x) `c` @everyone\n# h")
    assert shown == (r"&lt;img src=x&gt; \| \*\*b\*\* \[l\](http://x) \`c\` &#64;everyone # h")
