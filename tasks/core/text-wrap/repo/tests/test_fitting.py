import pytest

from termtext import pad, strip_ansi, table, text_width, truncate


def test_width():
    assert text_width("abc") == 3
    assert text_width("日本語") == 6
    assert text_width("e\u0301") == 1
    assert text_width("\x1b[1;31mx\x1b[0m") == 1


def test_strip():
    assert strip_ansi("\x1b[1mbold\x1b[0m") == "bold"


def test_pad():
    assert pad("日本", 6, "right") == "  日本"
    assert pad("ab", 5, "center") == " ab  "
    assert pad("abcdef", 3) == "abcdef"
    with pytest.raises(ValueError):
        pad("x", 3, "middle")


def test_truncate():
    assert truncate("a long title", 8) == "a long …"
    assert truncate("日本語", 5) == "日本…"
    assert truncate("日本語", 4) == "日…"
    assert truncate("short", 5) == "short"


def test_truncate_keeps_reset():
    assert truncate("\x1b[31mredder\x1b[0m", 4) == "\x1b[31mred…\x1b[0m"


def test_table():
    assert table([["名", "city"], ["Ana", "Köln"]]) == "名   city\nAna  Köln"


def test_table_wraps_cells():
    rows = [["id", "one two three"], ["7", "x"]]
    assert table(rows, max_width=7) == "id  one two\n    three\n7   x"
