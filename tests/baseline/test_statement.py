from textwrap import dedent

import pytest

from arena.baseline.probe.examples import Example
from arena.baseline.statement import literal, read


def examples(text):
    return [
        (item.source.strip(), (item.want or "").strip(), item.wishes)
        for item in read(dedent(text)).examples
    ]


def test_a_session_in_a_fence():
    text = """
    Adding fails.

    ```python
    >>> from sums import add
    >>> add(1,
    ...     2)
    3

    >>> add(2, 2)
    4
    ```
    """
    assert examples(text) == [
        ("from sums import add", "", ()),
        ("add(1,\n    2)", "3", ()),
        ("add(2, 2)", "4", ()),
    ]


@pytest.mark.parametrize("margin", ["", "    "], ids=["plain", "indented"])
def test_a_session_without_a_fence(margin):
    text = f"It fails:\n\n{margin}>>> f(1)\n{margin}2\n\nAs you see."
    assert examples(text) == [("f(1)", "2", ())]


def test_a_session_in_the_middle_of_a_paragraph():
    assert examples("When I do\n>>> f(1)\n2\n") == [("f(1)", "2", ())]


def test_a_prompt_without_a_space_still_counts():
    assert examples("```\n>>>f(1)\n2\n```\n") == [("f(1)", "2", ())]


def test_a_shown_traceback_is_what_the_session_prints():
    found = examples("```\n>>> f()\nTraceback (most recent call last):\n  ...\nKeyError: 'x'\n```")
    assert found == [("f()", "Traceback (most recent call last):\n  ...\nKeyError: 'x'", ())]


NOTES = {
    "beside the output": (">>> f(1)\n2  # expected 3", "2", ("3",)),
    "with an arrow": (">>> f(1)\n2  <-- should be [3, 4]", "2", ("[3, 4]",)),
    "beside the source": (">>> f(1)  # should give 'x y'\n2", "2", ("'x y'",)),
    "in words only": (">>> f(1)\n2  # wrong!", "2  # wrong!", ()),
}


@pytest.mark.parametrize(("session", "want", "wishes"), NOTES.values(), ids=NOTES)
def test_notes_say_what_is_wished(session, want, wishes):
    ((_, shown, found),) = examples(f"```\n{session}\n```\n")
    assert (shown, found) == (want, wishes)


PROSE = {
    "I expected `3`.": ("3",),
    "It should return 3, not 2.": ("3",),
    "I get 2 instead of 3.": ("3",),
    "Expected:\n\n```\n[1,\n 2]\n```": ("[1,\n 2]",),
    'I would expect to see "a, b" here': ('"a, b"',),
    "That should be True of course.": ("True",),
    "It should be faster.": (),
    "It used to work in `1.2`.": (),
}


@pytest.mark.parametrize(("prose", "wishes"), PROSE.items(), ids=range(len(PROSE)))
def test_prose_after_a_session_says_what_is_wished(prose, wishes):
    ((_, _, found),) = examples(f"```\n>>> f(1)\n2\n```\n\n{prose}\n")
    assert found == wishes


def test_prose_goes_with_the_last_example_that_shows_something():
    found = examples("```\n>>> a = f(1)\n>>> a\n2\n>>> del a\n```\nI expected `3`.\n")
    assert [wishes for _, _, wishes in found] == [(), ("3",), ()]


def test_a_script_with_comments_for_values():
    text = """
    ```python
    from sums import add

    total = add(
        1, 2)
    print(total)  # -> 3
    assert total == 3
    ```
    """
    assert examples(text) == [
        ("from sums import add", "", ()),
        ("total = add(\n    1, 2)", "", ()),
        ("print(total)  # -> 3", "", ("3",)),
        ("assert total == 3", "", ()),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is broken.",
        "```\n$ pip install x\n```",
        "```yaml\na: 1\n```",
        "```python\nthis is not python\n```",
        ">>> (",
        "```\n>>>\n```",
        "```\nunclosed >>> f(1)",
    ],
)
def test_reports_without_examples_are_no_error(text):
    assert [item for item in read(text).examples if item.want] == []


def test_names_are_the_words_that_look_like_code():
    found = read(
        "When `Cart.total` runs, apply_tax() of shop.fees gives nonsense. See `a b`."
    ).names
    assert {"Cart", "total", "apply_tax", "fees", "a", "b"} == set(found)


def test_examples_know_their_block():
    found = read("```\n>>> 1\n1\n```\nand\n```\n>>> 2\n2\n>>> 3\n3\n```\n").examples
    assert [item.block == found[0].block for item in found] == [True, False, False]
    assert found[0] == Example("1\n", "1\n", (), found[0].block)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3, but got 2", "3"),
        ("[1, 2] (two items)", "[1, 2]"),
        ("'a' and so on", "'a'"),
        ("`{1: 2}` here", "{1: 2}"),
        ("4.", "4"),
        ("nothing", None),
        ("None", "None"),
        ("", None),
    ],
)
def test_literal_is_the_longest_beginning_that_python_reads(text, value):
    assert literal(text) == value


def test_only_what_stands_in_an_issue_tag_is_read():
    text = (
        "Use ```bash``` blocks.\n\n<issue>\nIt is\n\n    >>> f(1)\n    2\n</issue>\n\n    >>> g()\n"
    )
    assert examples(text) == [("f(1)", "2", ())]
