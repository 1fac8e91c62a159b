import pytest

from tabread import EXCEL, UNIX, Dialect, TableError, read_path, read_rows


def rows(*chunks, **options):
    return list(read_rows(chunks, Dialect(**options)))


def test_plain():
    assert rows("a,b\nc,d\n") == [["a", "b"], ["c", "d"]]


def test_no_line_end_at_the_end():
    assert rows("a,b\nc,") == [["a", "b"], ["c", ""]]


def test_line_ends():
    assert rows("a\r\nb\rc\nd") == [["a"], ["b"], ["c"], ["d"]]


def test_row_may_be_cut_anywhere_in_a_field():
    assert rows("a,b", "b,c", "\nd") == [["a", "bb", "c"], ["d"]]


def test_quotes():
    assert rows('"a,1","say ""hi""","two\nlines"\n') == [["a,1", 'say "hi"', "two\nlines"]]
    assert rows('"",x\n') == [["", "x"]]


def test_blank_lines():
    assert rows("a\n\nb\n") == [["a"], [], ["b"]]
    assert rows("a\n\nb\n", skip_blank=True) == [["a"], ["b"]]


def test_escape():
    assert rows("a\\,b,c\n", escape="\\") == [["a,b", "c"]]
    assert list(read_rows(["x:a\\:b\n\ny\n"], UNIX)) == [["x", "a:b"], ["y"]]


def test_text_after_quote():
    with pytest.raises(TableError) as caught:
        rows('a\n"b"c\n')
    assert caught.value.line == 2
    assert list(read_rows(['"b"c\n'], EXCEL)) == [["bc"]]


def test_missing_quote():
    with pytest.raises(TableError) as caught:
        rows('a\n"b\nc\nd\n')
    assert caught.value.line == 2


def test_bom():
    assert rows("", "\ufeffa,b\n") == [["a", "b"]]


def test_path(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert list(read_path(path)) == [["a", "b"], ["1", "2"]]


def test_dialect_is_checked():
    with pytest.raises(ValueError):
        Dialect(delimiter='"')
    with pytest.raises(ValueError):
        Dialect(delimiter="||")
