from termtext import wrap


def test_wide_characters_fill_an_even_line():
    assert wrap("日本語日本語", 4) == ["日本語", "日本語"]


def test_rest_of_the_word_shares_its_line():
    assert wrap("abcdef gh", 4) == ["abcd", "ef gh"]
