import pytest

from arena.agent.blocks import BlockError, EditBlock, apply, parse


def block(path, search, replace):
    return f"{path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def test_blocks_are_found_among_prose_fences_and_decorated_paths():
    reply = (
        "I will fix both.\n\n**src/a.py**\n```python\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n"
        ">>>>>>> REPLACE\n```\nand again in it\n"
        "<<<<<<< SEARCH\ny\n=======\n>>>>>>> REPLACE\n" + block("`b.py`:", "", "new\n")
    )
    assert parse(reply) == [
        EditBlock("src/a.py", "x = 1\n", "x = 2\n"),
        EditBlock("src/a.py", "y\n", ""),
        EditBlock("b.py", "", "new\n"),
    ]


def test_a_reply_without_blocks_has_none():
    assert parse("DONE") == []
    assert parse("a ======= b\n>>>>>>> REPLACE") == []


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE", "without the path"),
        ("a.py\n<<<<<<< SEARCH\na\n=======\nb", "not complete"),
        ("a.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE", "not complete"),
        ("a.py\n<<<<<<< SEARCH\na\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE", "not complete"),
        ("a.py\n<<<<<<< SEARCH\na\n=====\nb\n>>>>>>> REPLACE", "not complete"),
        (block("a.md", "Heading\n=======\n", "b\n"), "2 lines of seven"),
        (block("Done.", "", "x\n"), "without the path"),
        (block("Sure!", "", "x\n"), "without the path"),
        (block("Now the first file", "", "x\n"), "without the path"),
        (block("a.py", "", "x\ud800\n"), "UTF-8"),
        (block("src/", "", "x\n"), "'src/' names a folder"),
        (block("src/.", "", "x\n"), "without the path"),
        (block("./", "", "x\n"), "'./' names a folder"),
        (block("a\0b", "", "x\n"), "not a path that a file can have"),
        (block("a\ud800b", "", "x\n"), "not a path that a file can have"),
        (block("ä" * 128, "", "x\n"), "not a path that a file can have"),
        (block("a/" * 2000 + "b", "", "x\n"), "not a path that a file can have"),
        (block("/etc/passwd", "", "x\n"), "not a path inside"),
        (block("a/../../b", "", "x\n"), "not a path inside"),
        (block(".git/config", "", "x\n"), "not a path inside"),
        (block("./.git/config", "", "x\n"), "not a path inside"),
        (block(".//.git/config", "", "x\n"), "not a path inside"),
    ],
)
def test_broken_blocks_are_refused_in_words_that_can_be_sent(reply, says):
    with pytest.raises(BlockError, match=says) as caught:
        parse(reply)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("./src//a.py", "src/a.py"),
        ("`my file.py`", "my file.py"),
        ("**`my file.py`**:", "my file.py"),
        ("a.py\n\nDone.", "a.py"),
        ("ä" * 127, "ä" * 127),
    ],
)
def test_a_path_is_read_as_it_is_meant(written, path):
    assert parse(block(written, "", "x\n")) == [EditBlock(path, "", "x\n")]


def test_lines_end_where_a_line_feed_stands_and_nowhere_else():
    odd = "s = 'a\u2028b\x0cc\x85d'\n"
    assert parse(block("a.py", odd, odd)) == [EditBlock("a.py", odd, odd)]
    assert parse(block("a.py", "a\n", "b\n").replace("\n", "\r\n")) == [
        EditBlock("a.py", "a\n", "b\n")
    ]


def test_underlines_are_content():
    title, other = "Title\n=====\n", "Longer\n========\n"
    assert parse(block("a.rst", title, other)) == [EditBlock("a.rst", title, other)]


TEXT = "def f():\n    if x:\n        return 1\n    return 2\n"


@pytest.mark.parametrize(
    ("text", "search", "replace", "after"),
    [
        ("a = 1\nb = 2\n", "b = 2\n", "b = 3\n", "a = 1\nb = 3\n"),
        ("a = 1\nb = 2", "b = 2\n", "b = 3\n", "a = 1\nb = 3\n"),
        ("x\n  x\n", "x\n", "y\n", "y\n  x\n"),
        ("a\nb\nc\n", "b\n", "", "a\nc\n"),
        ("a\n\x0c\nb\n", "\x0c\nb\n", "\x0c\nc\n", "a\n\x0c\nc\n"),
        ("a\u2028b\nc\n", "c\n", "d\x85\n", "a\u2028b\nd\x85\n"),
        ("a\r\nb\r\nc\r\n", "a\nb\n", "d\ne\nf\n", "d\r\ne\r\nf\r\nc\r\n"),
        ("  a\r\n  b\r\n", "a\n", "c\n", "  c\r\n  b\r\n"),
        ("a\r\nb", "b\n", "c\n", "a\r\nc\r\n"),
        ("a\nb\r\nc\n", "c\n", "d\n", "a\nb\r\nd\n"),
        ("\ufeffa\nb\n", "a\n", "c\n", "\ufeffc\nb\n"),
    ],
)
def test_whole_lines_are_replaced_and_the_others_stay(text, search, replace, after):
    assert apply(text, EditBlock("a", search, replace)) == after


def test_lines_with_other_indentation_are_found_and_the_new_ones_moved():
    wanted = EditBlock("a", "if x:\n    return 1\n", "if y:\n    return 3\n\n")
    assert apply(TEXT, wanted) == "def f():\n    if y:\n        return 3\n\n    return 2\n"
    deeper = EditBlock("a", "            return 2\n", "            return 4\n")
    assert apply(TEXT, deeper) == TEXT.replace("return 2", "return 4")
    single = EditBlock("a", "return 2\n", "if z:\n    return 5\nreturn 4\n")
    assert apply(TEXT, single) == TEXT.replace(
        "    return 2\n", "    if z:\n        return 5\n    return 4\n"
    )
    out = EditBlock("a", "            return 2\n", "        return 4\n")
    assert apply(TEXT, out) == TEXT.replace("    return 2", "return 4")
    tabs = "\tif a:\n\t\tb()\n"
    assert apply(tabs, EditBlock("a", "if a:\n\tb()\n", "if c:\n\tb()\n\td()\n")) == (
        "\tif c:\n\t\tb()\n\t\td()\n"
    )
    assert apply(tabs, EditBlock("a", "    if a:\n", "    if c:\n")) == "\tif c:\n\t\tb()\n"


@pytest.mark.parametrize(
    ("text", "wanted", "says"),
    [
        (TEXT, EditBlock("a", "return\n", "x\n"), "is not there"),
        ("max = 1\n", EditBlock("a", "x = 1\n", "y = 2\n"), "is not there"),
        ("x\ny\nx\n", EditBlock("a", "x\n", "z\n"), "2 times"),
        ("x\nx\nx\n", EditBlock("a", "x\nx\n", "z\n"), "2 times"),
        (" x\n  x\n", EditBlock("a", "x\n", "z\n"), "2 times"),
        (TEXT, EditBlock("a", "", "x\n"), "needs text to search for"),
        (TEXT, EditBlock("a", "if x:\nreturn 1\n", "if y:\nreturn 1\n"), "is not there"),
        ("\tif a:\n\t\tb()\n", EditBlock("a", "if a:\n    b()\n", "b()\n"), "is not there"),
        (TEXT, EditBlock("a", "        return 2\n", "return 4\n"), "cannot be moved"),
    ],
)
def test_what_does_not_fit_is_refused(text, wanted, says):
    with pytest.raises(BlockError, match=says):
        apply(text, wanted)


def test_an_empty_search_makes_a_file():
    assert apply("", EditBlock("a", "", "new\n")) == "new\n"
