"""Names of one run: tests made for it, twins and graded tests are all named in one way.

Every name is made of pieces of the repository's own tests' names, so that nothing about a name
tells a test that must fail from one that must pass.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Literal

from arena.records import File, TestPlan

Style = Literal["test_snake", "TestCamel", "plain words", "kebab-file", "joined"]
"""How a language writes the name of a test or of its file."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_UNTOLD = frozenset({"test", "tests", "twin", "twins", "canary", "must", "fail", "hidden", "py"})
"""Words that say what a test is for, or only that it is one."""
FEW = ("first", "last", "plain", "whole", "empty", "same", "twice", "order")
"""Used beside what the repository has."""
_LONGEST = 12
_TRIES = 50
_ITS_OWN_NAME = re.compile(
    r"\bName\(\)|request\.node|_testMethodName|\b__qualname__|\.__name__|PYTEST_CURRENT_TEST"
    r"|[sS]napshot|\.id\(\)|\b(t|context|ctx)\.(name|fullName)\b"
)
"""Marks of a test file that does something with the names of its tests."""

_APART = r"(?<!\\)(?://[^\n]*|/\*.*?\*/)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_SEEN = re.compile(r"[^\n]")
_NOT_DECLARED = r"(?<!def )(?<!func )(?<!class )(?<!\(['\"`])"


class Names:
    """Draws names; `known` are those of the repository's tests, in any style."""

    def __init__(self, rng: random.Random, known: Iterable[str] = ()) -> None:
        self.rng = rng
        self._taken = frozenset(known)
        self._known = [words for name in sorted(self._taken) if (words := _words(name))] or [[*FEW]]

    def draw(self, style: Style, free: Callable[[str], bool] = bool) -> str:
        """A name like those of the repository that no test has, and that `free` lets through; it
        grows by a word every few tries, where the repository's own words leave too few.
        """
        for tries in range(1_000_000):
            name = _styled(self._spliced(more=tries // _TRIES), style)
            if name not in self._taken and free(name):
                return name
        raise AssertionError("names do not run out")

    def token(self) -> str:
        """A name that nobody can know beforehand, for what is no test."""
        return f"{self.rng.getrandbits(64):016x}"

    def _spliced(self, *, more: int) -> list[str]:
        """The head of one name and the tail of another, with some words more."""
        head, tail = self.rng.choice(self._known), self.rng.choice(self._known)
        words = head[: self.rng.randint(1, len(head))] + tail[self.rng.randint(0, len(tail)) :]
        for _ in range(more):
            pool = [*FEW, *self.rng.choice(self._known)]
            words.insert(self.rng.randint(1, len(words)), self.rng.choice(pool))
        return words[:_LONGEST]


def text_of(file: File) -> str:
    """The text of a file, whatever its bytes."""
    return file.data.decode("utf-8", "surrogateescape")


def with_text(file: File, text: str, path: str) -> File:
    """A file with another text and path."""
    data = text.encode("utf-8", "surrogateescape")
    return file.model_copy(update={"data": data, "path": path})


@lru_cache(maxsize=256)
def code_of(text: str, raw: str) -> str:
    """The text of a Go or JavaScript file with all that is comment or literal made blank, in its
    place; `raw` is the expression for what stands between backquotes there.
    """
    return re.sub(rf"{raw}|{_APART}", lambda found: _SEEN.sub(" ", found[0]), text, flags=re.DOTALL)


def names_of(plan: TestPlan) -> list[str]:
    """What the tests of a plan are called, without their places."""
    ids = (*plan.fail_to_pass, *plan.pass_to_pass, *plan.must_fail)
    return [re.split(r"::|:| > ", test_id.partition("[")[0])[-1] for test_id in ids]


class Renaming:
    """New names for what a test file declares, where nothing else speaks of the old ones."""

    def __init__(self, names: Names, around: Mapping[str, File], twins: Mapping[str, File]) -> None:
        """`around` is every file that might speak of a name, by path; in twins there is no new name
        either, but what they speak of is renamed all the same.
        """
        self.names = names
        self._around = {path: path.encode() + b"\n" + file.data for path, file in around.items()}
        self._written = [*self._around.values(), *(file.data for file in twins.values())]
        self._taken: set[str] = set()

    def draw(self, style: Style) -> str:
        """A name that nothing has yet, in this run or before it."""
        name = self.names.draw(style, self._is_free)
        self._taken.add(name)
        return name

    def _is_free(self, name: str) -> bool:
        raw = name.encode()
        return name not in self._taken and not any(raw in data for data in self._written)

    def within(self, path: str, text: str, old: str, style: Style) -> tuple[str, str]:
        """The text of a file with a name of its own changed, and the name that it has now."""
        alone = r"(?<=['\"`]){}(?=['\"`])" if style == "plain words" else r"(?<!\w){}(?!\w)"
        parts = re.split(alone.format(re.escape(old)), text)
        kept = len(parts) != 2 or _ITS_OWN_NAME.search(text) is not None
        if kept or self._spoken_of(old, path):
            return text, old
        new = self.draw(style)
        return new.join(parts), new

    def of_file(self, path: str, style: Style) -> str:
        """A new path in the same folder, or the old one where another file speaks of it."""
        folder, slash, name = path.rpartition("/")
        if self._spoken_of(name.rpartition(".")[0], path):
            return path
        suffix = "_test.go" if style == "joined" else name[name.index(".") :]
        return f"{folder}{slash}{self.draw(style)}{suffix}"

    def _spoken_of(self, name: str, path: str) -> bool:
        """Whether another file has the name otherwise than for a test of its own."""
        word = re.compile(rf"{_NOT_DECLARED}(?<!\w){re.escape(name)}(?!\w)".encode())
        raw = name.encode()
        return any(
            raw in data and word.search(data) is not None
            for other, data in self._around.items()
            if other != path
        )


def _words(name: str) -> list[str]:
    return [word for word in map(str.lower, _WORD.findall(name)) if word not in _UNTOLD]


_BETWEEN: dict[Style, str] = {"plain words": " ", "kebab-file": "-", "joined": ""}


def _styled(words: list[str], style: Style) -> str:
    if style == "TestCamel":
        return "Test" + "".join(word.capitalize() for word in words)
    return "_".join(["test", *words]) if style == "test_snake" else _BETWEEN[style].join(words)
