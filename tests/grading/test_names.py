"""Names of tests made for one run: there are always enough of them."""

import random

import pytest

from arena.grading.names import Names, Renaming, _styled
from arena.records import File


@pytest.mark.parametrize(
    "style", ["test_snake", "TestCamel", "plain words", "kebab-file", "joined"]
)
def test_a_repository_of_one_word_has_names_enough(style):
    """Whatever its files already say: every short splice of its words stands in one of them."""
    said = " ".join(_styled(["half"] * n, style) for n in range(1, 8))
    file = File(path="a_test.py", data=said.encode())
    renaming = Renaming(Names(random.Random(1), ["test_half"]), {file.path: file}, {})
    drawn = {renaming.draw(style) for _ in range(40)}
    assert len(drawn) == 40
    assert not any(name in said for name in drawn)


def test_a_test_that_a_twin_quotes_is_renamed_and_no_new_name_is_in_a_twin():
    tests = File(path="a.test.js", data=b"test('halves are kept', f)")
    twin = File(path="twin.test.js", data=b"test('twin: halves are kept', f)")
    renaming = Renaming(
        Names(random.Random(1), ["halves are kept"]), {tests.path: tests}, {twin.path: twin}
    )
    text, name = renaming.within(tests.path, tests.data.decode(), "halves are kept", "plain words")
    assert name != "halves are kept"
    assert f"'{name}'" in text
    assert name not in twin.data.decode()
