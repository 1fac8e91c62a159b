"""Small repositories, each with one fault, a report of it, and a check that no contestant sees."""

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Toy:
    problem: str
    files: dict[str, str]
    hidden: str
    """Python that raises where the fault is still there."""


def toy(problem: str, hidden: str, **files: str) -> Toy:
    """Names of files are given with `__` for a slash; each ends in .py."""
    paths = {name.replace("__", "/") + ".py": dedent(text).lstrip() for name, text in files.items()}
    return Toy(dedent(problem).lstrip(), paths, dedent(hidden))


TOYS = {
    "boundary": toy(
        """
        Passing mark is not accepted

        ```
        >>> from grades import letter
        >>> letter(60)
        'D'
        >>> letter(59)
        'F'
        ```
        A student with exactly 60 points has passed, the table in the handbook is clear on that.
        """,
        """
        from grades import letter
        assert [letter(n) for n in (59, 60, 61, 70, 69, 90)] == ["F", "D", "D", "C", "D", "A"]
        """,
        src__grades="""
        STEPS = ((90, "A"), (80, "B"), (70, "C"))


        def letter(points):
            for least, name in STEPS:
                if points >= least:
                    return name
            if points > 60:
                return "D"
            return "F"
        """,
        tests__test_grades="""
        from grades import letter


        def test_top():
            assert letter(95) == "A"


        def test_bottom():
            assert letter(3) == "F"
        """,
    ),
    "return_in_the_loop": toy(
        """
        Only the first word is counted

        Steps:

            >>> from words.count import Counter
            >>> c = Counter()
            >>> c.feed("a b a")
            >>> c.counts
            {'a': 2, 'b': 1}
        """,
        """
        from words.count import Counter
        counter = Counter()
        assert counter.feed("x y z x") == 4
        assert counter.counts == {"x": 2, "y": 1, "z": 1}
        assert counter.feed("") == 0
        """,
        words____init__="",
        words__count="""
        class Counter:
            def __init__(self):
                self.counts = {}

            def feed(self, text):
                done = 0
                for word in text.split():
                    self.counts[word] = self.counts.get(word, 0) + 1
                    done += 1
                    return done
                return done
        """,
        tests__test_count="""
        from words.count import Counter


        def test_one():
            assert Counter().feed("x") == 1
        """,
    ),
    "hang": toy(
        """
        Counting digits never returns

        ```
        >>> from lookup import digits
        >>> digits(345)
        3
        ```
        I had to press Ctrl-C.
        """,
        """
        from lookup import digits
        assert [digits(number) for number in (1, 9, 10, 99, 100)] == [1, 1, 2, 2, 3]
        """,
        lookup="""
        def digits(number):
            count = 0
            while number >= 0:
                number //= 10
                count += 1
            return count
        """,
        test_lookup="""
        from lookup import digits


        def test_negative():
            assert digits(-1) == 0
        """,
    ),
    "red_test": toy(
        """
        The build has been red since yesterday, in the invoice numbers I think. Please have a look.
        """,
        """
        from invoices import number
        assert number(2024, 7) == 20240007 and number(1999, 1234) == 19991234
        """,
        invoices="""
        def number(year, count):
            if count < 1:
                raise ValueError("count starts at 1")
            return year * 10000 - count
        """,
        test_invoices="""
        import pytest

        from invoices import number


        def test_number():
            assert number(2024, 12) == 20240012


        def test_refused():
            with pytest.raises(ValueError):
                number(2024, 0)
        """,
    ),
    "new_feature": toy(
        """
        Support quarters

        ```
        >>> from periods import parse
        >>> parse("2024-Q3")
        (2024, 7, 9)
        ```
        """,
        "from periods import parse\nassert parse('2024-Q1') == (2024, 1, 3)",
        periods="""
        def parse(text):
            year, _, month = text.partition("-")
            return int(year), int(month), int(month)
        """,
        test_periods="""
        from periods import parse


        def test_month():
            assert parse("2024-05") == (2024, 5, 5)
        """,
    ),
}
