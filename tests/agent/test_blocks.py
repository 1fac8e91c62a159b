import pytest

from arena.agent.blocks import Block, BlockError, apply, parse


def block(path, search, replace):
    return f"{path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def test_blocks_are_found_among_prose_fences_and_decorated_paths():
    reply = (
        "I will fix both.\n\n**src/a.py**\n```python\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n"
        ">>>>>>> REPLACE\n```\nand again in it\n"
        "<<<<<<< SEARCH\ny\n=======\n>>>>>>> REPLACE\n" + block("`b.py`:", "", "new\n")
    )
    assert parse(reply) == [
        Block("src/a.py", "x = 1\n", "x = 2\n"),
        Block("src/a.py", "y\n", ""),
        Block("b.py", "", "new\n"),
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
    ],
)
def test_broken_blocks_are_refused(reply, says):
    with pytest.raises(BlockError, match=says):
        parse(reply)


TEXT = "def f():\n    if x:\n        return 1\n    return 2\n"


def test_exact_text_is_replaced():
    assert apply(TEXT, Block("a", "return 1\n", "return 3\n")) == TEXT.replace(
        "return 1", "return 3"
    )


def test_lines_with_other_indentation_are_found_and_the_new_ones_moved():
    wanted = Block("a", "if x:\n    return 1\n", "if y:\n    return 3\n\n")
    assert apply(TEXT, wanted) == "def f():\n    if y:\n        return 3\n\n    return 2\n"
    deeper = Block("a", "            return 2\n", "            return 4\n")
    assert apply(TEXT, deeper) == TEXT.replace("return 2", "return 4")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Block("a", "return\n", "x\n"), "is not there"),
        (Block("a", "    return", "x"), "2 times"),
        (Block("a", "", "x"), "needs text to search for"),
    ],
)
def test_what_does_not_fit_is_refused(wanted, says):
    with pytest.raises(BlockError, match=says):
        apply(TEXT, wanted)


def test_an_empty_search_makes_a_file():
    assert apply("", Block("a", "", "new\n")) == "new\n"
