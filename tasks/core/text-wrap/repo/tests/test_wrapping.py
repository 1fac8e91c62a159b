import pytest

from termtext import fill, text_width, wrap


def test_words():
    assert wrap("the quick brown fox", 10) == ["the quick", "brown fox"]


def test_line_that_is_exactly_full():
    assert wrap("aaaa bbbb", 9) == ["aaaa bbbb"]
    assert wrap("aaaa bbbb", 8) == ["aaaa", "bbbb"]


def test_wide_words():
    assert wrap("日本 日本", 9) == ["日本 日本"]
    assert wrap("日本 日本", 8) == ["日本", "日本"]


def test_colours_take_no_room():
    assert wrap("\x1b[31mred\x1b[0m fox", 7) == ["\x1b[31mred\x1b[0m fox"]


def test_long_word_never_sticks_out():
    lines = wrap("see https://example.org/a/rather/long/path for more", 12)
    assert max(text_width(line) for line in lines) <= 12
    assert "".join(lines).replace(" ", "") == "seehttps://example.org/a/rather/long/pathformore"


def test_paragraphs():
    assert wrap("one\n\ntwo", 10) == ["one", "", "two"]


def test_empty():
    assert wrap("", 10) == [""]


def test_width_must_be_positive():
    with pytest.raises(ValueError):
        wrap("x", 0)


def test_fill_with_indent():
    assert fill("aaa bbb ccc", 9, "> ") == "> aaa bbb\n> ccc"
