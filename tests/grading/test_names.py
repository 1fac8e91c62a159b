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
    renaming = Renaming(Names(random.Random(1), ["test_half"]), {file.path: file})
    drawn = {renaming.draw(style) for _ in range(40)}
    assert len(drawn) == 40
    assert not any(name in said for name in drawn)
