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
    "zero_is_a_value": toy(
        """
        # Free shipping cannot be configured

        We set the fee to `0` and still pay the standard fee.

        >>> from shop.basket import Basket
        >>> b = Basket(fee=0)
        >>> b.add("pen", 250)
        >>> b.total()
        740

        I would expect `250` there.
        """,
        """
        from shop.basket import Basket
        basket = Basket(fee=0)
        basket.add("pen", 100, count=2)
        assert basket.total() == 200
        assert Basket().total() == 490
        assert Basket(fee=10).total() == 10
        """,
        shop____init__="",
        shop__fees="""
        STANDARD = 490


        def shipping(fee):
            return fee or STANDARD
        """,
        shop__basket="""
        from shop.fees import shipping


        class Basket:
            def __init__(self, fee=None):
                self.fee = fee
                self.lines = []

            def add(self, name, cents, count=1):
                if count < 1:
                    raise ValueError("count")
                self.lines.append((name, cents, count))

            def total(self):
                goods = sum(cents * count for _, cents, count in self.lines)
                return goods + shipping(self.fee)
        """,
        tests__test_basket="""
        from shop.basket import Basket


        def test_total():
            basket = Basket(fee=10)
            basket.add("ink", 100, count=3)
            assert basket.total() == 310


        def test_standard_fee():
            assert Basket().total() == 490
        """,
    ),
    "value_with_the_separator": toy(
        """
        Crash on a value with an equals sign

        ```pycon
        >>> from ini import parse
        >>> parse("url = http://x/?a=1")
        Traceback (most recent call last):
          File "<stdin>", line 1, in <module>
          File "ini.py", line 9, in parse
            key, value = line.split("=")
        ValueError: too many values to unpack (expected 2)
        ```

        Only the first equals sign separates.
        """,
        """
        from ini import parse
        assert parse("a = b=c=d") == {"a": "b=c=d"}
        assert parse("a=1") == {"a": "1"}
        """,
        ini="""
        def parse(text):
            found = {}
            for line in text.splitlines():
                line = line.strip()
                if not line or line.startswith(";"):
                    continue
                if "=" not in line:
                    raise ValueError(f"no value: {line}")
                key, value = line.split("=")
                found[key.strip()] = value.strip()
            return found
        """,
        test_ini="""
        from ini import parse


        def test_parse():
            assert parse("; note\\n\\na = 1\\nb=2") == {"a": "1", "b": "2"}
        """,
    ),
    "shared_default": toy(
        """
        Tags of one note turn up on the next

        ```python
        from notes import Note
        first = Note("one")
        first.tag("x")
        second = Note("two")
        second.tags  # should be []
        ```
        """,
        """
        from notes import Note
        Note("a").tag("x")
        assert Note("b").tags == []
        own = ["z"]
        assert Note("c", own).tags == ["z"]
        """,
        notes="""
        class Note:
            \"\"\"A note with tags.\"\"\"

            def __init__(self, text, tags=[]):
                \"\"\"Start a note.\"\"\"
                self.text = text
                self.tags = tags

            def tag(self, name):
                if name not in self.tags:
                    self.tags.append(name)
        """,
        test_notes="""
        from notes import Note


        def test_tag_once():
            note = Note("x", [])
            note.tag("a")
            note.tag("a")
            assert note.tags == ["a"]
        """,
    ),
    "shortest_path": toy(
        """
        Routes take detours

        ```
        >>> from routes.search import route
        >>> lines = {"a": ["b", "c"], "b": ["d"], "c": ["e"], "e": ["d"]}
        >>> route(lines, "a", "d")
        ['a', 'c', 'e', 'd']
        ```
        Expected: `['a', 'b', 'd']`, which has one stop fewer.
        """,
        """
        from routes.search import route
        lines = {1: [2, 3, 4], 2: [5], 3: [5, 6], 4: [6], 5: [7], 6: [8], 8: [7]}
        assert len(route(lines, 1, 7)) == 4
        assert route(lines, 7, 1) is None
        """,
        routes____init__="",
        routes__search="""
        def route(lines, start, goal):
            waiting = [[start]]
            seen = {start}
            while waiting:
                path = waiting.pop()
                if path[-1] == goal:
                    return path
                for stop in lines.get(path[-1], ()):
                    if stop not in seen:
                        seen.add(stop)
                        waiting.append([*path, stop])
            return None
        """,
        tests__test_search="""
        from routes.search import route


        def test_line():
            assert route({1: [2], 2: [3]}, 1, 3) == [1, 2, 3]


        def test_no_way():
            assert route({1: [2]}, 2, 1) is None
        """,
    ),
    "empty_input": toy(
        """
        Summary of a day without measurements

        ```
        >>> from weather import summary
        >>> summary([])
        {'mean': 0, 'count': 0}
        ```
        raises ZeroDivisionError.
        """,
        """
        from weather import summary
        assert summary([]) == {"mean": 0, "count": 0}
        assert summary([1, 2]) == {"mean": 1.5, "count": 2}
        """,
        weather="""
        def summary(values):
            total = 0
            for value in values:
                total += value
            return {"mean": total / len(values), "count": len(values)}
        """,
        test_weather="""
        from weather import summary


        def test_summary():
            assert summary([2, 4]) == {"mean": 3.0, "count": 2}
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
        Search never returns

        ```
        >>> from lookup import position
        >>> position([1, 3, 5, 7], 7)
        3
        ```
        I had to press Ctrl-C.
        """,
        """
        from lookup import position
        values = list(range(0, 40, 2))
        assert [position(values, value) for value in values] == list(range(20))
        assert position(values, 39) is None and position([], 1) is None
        """,
        lookup="""
        def position(values, wanted):
            low, high = 0, len(values) - 1
            while low <= high:
                middle = (low + high) // 2
                if values[middle] == wanted:
                    return middle
                if values[middle] < wanted:
                    low = middle
                else:
                    high = middle - 1
            return None
        """,
        test_lookup="""
        from lookup import position


        def test_middle():
            assert position([1, 2, 3], 2) == 1


        def test_low():
            assert position([1, 2, 3], 1) == 0
        """,
    ),
    "wrong_attribute": toy(
        """
        Area of a rotated box is wrong

        ```
        >>> from boxes import Box
        >>> Box(2, 5).turned().width
        2
        ```
        should be 5, since width and height change places.
        """,
        """
        from boxes import Box
        box = Box(3, 4).turned()
        assert (box.width, box.height) == (4, 3)
        """,
        boxes="""
        class Box:
            def __init__(self, width, height):
                self.width = width
                self.height = height

            def area(self):
                return self.width * self.height

            def turned(self):
                return Box(self.width, self.height)

            def __repr__(self):
                return f"Box({self.width}, {self.height})"
        """,
        test_boxes="""
        from boxes import Box


        def test_area():
            assert Box(2, 3).area() == 6
            assert Box(2, 3).turned().area() == 6
        """,
    ),
    "red_test": toy(
        """
        The build has been red since yesterday, in the invoice numbers I think. Please have a look.
        """,
        """
        from invoices import number
        assert number(2024, 7) == "2024-0007" and number(1999, 12345) == "1999-12345"
        """,
        invoices="""
        def number(year, count):
            if count < 1:
                raise ValueError("count starts at 1")
            return f"{year}-{count:03d}"
        """,
        test_invoices="""
        import pytest

        from invoices import number


        def test_number():
            assert number(2024, 12) == "2024-0012"


        def test_refused():
            with pytest.raises(ValueError):
                number(2024, 0)
        """,
    ),
    "leaked_list": toy(
        """
        History can be changed from outside

            >>> from ledger import Ledger
            >>> book = Ledger()
            >>> book.post(10)
            >>> book.entries().clear()
            >>> book.balance()
            10
        """,
        """
        from ledger import Ledger
        book = Ledger()
        book.post(3)
        book.entries().append(4)
        assert book.entries() == [3] and book.balance() == 3
        """,
        ledger="""
        class Ledger:
            def __init__(self):
                self._entries = []

            def post(self, amount):
                if not amount:
                    raise ValueError("nothing to post")
                self._entries.append(amount)

            def entries(self):
                return self._entries

            def balance(self):
                return sum(self._entries)
        """,
        test_ledger="""
        from ledger import Ledger


        def test_post():
            book = Ledger()
            book.post(1)
            book.post(2)
            assert book.entries() == [1, 2]
            assert book.balance() == 3
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
