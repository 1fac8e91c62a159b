import pytest

from termtext import strip_ansi, table, text_width, wrap


@pytest.mark.parametrize(
    ("word", "width", "lines"),
    [
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("abcdefgh", 4, ["abcd", "efgh"]),
        ("abcde", 4, ["abcd", "e"]),
        ("abc", 2, ["ab", "c"]),
        ("abc", 1, ["a", "b", "c"]),
    ],
)
def test_narrow_letters(word, width, lines):
    assert wrap(word, width) == lines


def test_wide_characters_fill_an_even_line():
    assert wrap("日本語日本語", 4) == ["日本", "語日", "本語"]


def test_wide_character_moves_from_the_last_odd_column():
    assert wrap("日本語日", 5) == ["日本", "語日"]
    assert wrap("日本語", 3) == ["日", "本", "語"]


def test_mixed_widths():
    assert wrap("a日本b語cd", 4) == ["a日", "本b", "語cd"]
    assert wrap("ab日c日d", 3) == ["ab", "日c", "日d"]


def test_character_wider_than_the_line():
    assert wrap("日a本", 1) == ["日", "a", "本"]


def test_accent_stays_with_the_last_letter():
    assert wrap("abcde\u0301fgh", 5) == ["abcde\u0301", "fgh"]
    assert wrap("ae\u0301\u0323io\u0301u", 2) == ["ae\u0301\u0323", "io\u0301", "u"]


def test_reset_stays_on_the_line_it_ends():
    assert wrap("\x1b[31mabcd\x1b[0mef", 4) == ["\x1b[31mabcd\x1b[0m", "ef"]


@pytest.mark.parametrize("width", range(2, 12))
def test_never_wider_and_nothing_lost(width):
    text = "x日本語yz\x1b[1m世界\x1b[0mabcdefghijkcafe\u0301日日日q"
    lines = wrap(text, width)
    assert max(text_width(line) for line in lines) <= width
    assert "".join(lines) == text


@pytest.mark.parametrize("width", range(1, 15))
def test_as_few_lines_as_possible(width):
    assert len(wrap("m" * 30, width)) == -(-30 // width)


def test_rest_of_the_word_shares_its_line():
    assert wrap("abcdef gh", 4) == ["abcd", "ef", "gh"]
    assert wrap("abcdef g", 4) == ["abcd", "ef g"]
    assert wrap("no abcdef", 4) == ["no", "abcd", "ef"]


def test_ordinary_words_are_not_affected():
    assert wrap("abcd efgh", 4) == ["abcd", "efgh"]
    assert wrap("日本 語", 4) == ["日本", "語"]
    assert wrap("ab cd ef", 5) == ["ab cd", "ef"]


def test_table_cells_use_the_last_column():
    assert table([["k", "abcdefgh"]], max_width=4) == "k  abcd\n   efgh"


def test_colour_codes_are_not_cut():
    lines = wrap("\x1b[38;5;200mabcdefgh\x1b[0m", 3)
    assert [strip_ansi(line) for line in lines] == ["abc", "def", "gh"]
