"""What a run answers to its nodes: always something, for they wait."""

import pytest

from arena.errors import ArenaError, EngineError, HarnessError
from arena.run.ray import answer_of


class Driver:
    """Answers with a function."""

    def __init__(self, answer):
        self.answer = answer


def answered(answer, question="?"):
    value, error = answer_of(Driver(answer), "answer", (question,))
    if error is not None:
        raise error
    return value


def test_an_answer_comes_back():
    assert answered(str.upper, "yes") == "YES"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (EngineError("it is gone"), EngineError, "^it is gone$"),
        (ZeroDivisionError("by nought"), HarnessError, "ZeroDivisionError: by nought"),
        (OSError(28, "No space left on device"), HarnessError, "No space left"),
    ],
)
def test_a_broken_answer_is_one_too(error, kind, words):
    def broken(question):
        raise error

    with pytest.raises(ArenaError, match=words) as caught:
        answered(broken)
    assert type(caught.value) is kind
