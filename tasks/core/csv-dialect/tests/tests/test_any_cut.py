import itertools

import pytest

from tabread import EXCEL, Dialect, TableError, read_path, read_records, read_rows, write_rows

STRICT = Dialect()
LOOSE = EXCEL
ESCAPED = Dialect(escape="\\")
SKIPPING = Dialect(skip_blank=True)

DOCUMENTS = [
    ("crlf", STRICT, "a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
    ("cr", STRICT, "a\rb\rc", [["a"], ["b"], ["c"]]),
    ("cr at the end", STRICT, "a\rb\r", [["a"], ["b"]]),
    ("blank crlf", STRICT, "a\r\n\r\nb\r\n", [["a"], [], ["b"]]),
    ("blank cr", STRICT, "a\r\r\rb", [["a"], [], [], ["b"]]),
    ("lf then cr", STRICT, "a\n\rb", [["a"], [], ["b"]]),
    ("skip", SKIPPING, "\r\na\r\n\r\n\r\nb", [["a"], ["b"]]),
    ("doubled", STRICT, '"a""b",c\n', [['a"b', "c"]]),
    ("only quotes", STRICT, '"""""",""\n', [['""', ""]]),
    ("quote last", STRICT, '1,"say ""hi"""\r\n2,x', [["1", 'say "hi"'], ["2", "x"]]),
    ("quoted line ends", STRICT, '"a\r\nb","c\rd"\r\ne\r\n', [["a\r\nb", "c\rd"], ["e"]]),
    ("quoted end without line end", STRICT, 'a,"b"', [["a", "b"]]),
    ("empty quoted row", STRICT, '""\r\n\r\n""', [[""], [], [""]]),
    ("loose", LOOSE, '"a"b""c,d"e\r\n', [['ab""c', 'd"e']]),
    ("escapes", ESCAPED, 'a\\,b,\\"c,"d\\"e"\n', [["a,b", '"c', 'd"e']]),
    ("escaped escape", ESCAPED, 'a\\\\,b\n"\\\\"\n', [["a\\", "b"], ["\\"]]),
    ("escaped line end", ESCAPED, "a\\\nb,c\n", [["a\nb", "c"]]),
    ("escape and double", ESCAPED, '"\\""""\n', [['""']]),
]
IDS = [name for name, *_ in DOCUMENTS]


def each_cut(text):
    for at in range(len(text) + 1):
        yield [text[:at], text[at:]]
    for first, second in itertools.combinations(range(len(text) + 1), 2):
        yield [text[:first], text[first:second], text[second:]]


@pytest.mark.parametrize(("name", "dialect", "text", "rows"), DOCUMENTS, ids=IDS)
def test_whole(name, dialect, text, rows):
    assert list(read_rows([text], dialect)) == rows


@pytest.mark.parametrize(("name", "dialect", "text", "rows"), DOCUMENTS, ids=IDS)
def test_single_characters(name, dialect, text, rows):
    assert list(read_rows(text, dialect)) == rows


@pytest.mark.parametrize(("name", "dialect", "text", "rows"), DOCUMENTS, ids=IDS)
def test_every_cut(name, dialect, text, rows):
    for chunks in each_cut(text):
        assert list(read_rows(chunks, dialect)) == rows, chunks


@pytest.mark.parametrize(("name", "dialect", "text", "rows"), DOCUMENTS, ids=IDS)
def test_empty_chunks_in_between(name, dialect, text, rows):
    chunks = [piece for char in text for piece in ("", char, "")]
    assert list(read_rows(chunks, dialect)) == rows


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a\r\nb\r\n"c"d\r\n', 3),
        ('a\r\n"b""c"x\r\n', 2),
        ('a\r\n\r\n"b\r\nc\r\n', 3),
        ('"a\r\nb"\r\n"c"d', 3),
        ('x\ry\r\n"', 3),
        ('"a""\n', 1),
    ],
    ids=["after rows", "after doubled", "open quote", "after line end in quotes", "lone quote", "open doubled"],
)
def test_same_error_for_every_cut(text, line):
    for chunks in [[text], list(text), *each_cut(text)]:
        with pytest.raises(TableError) as caught:
            list(read_rows(chunks, STRICT))
        assert caught.value.line == line, chunks


def test_rows_come_before_the_next_chunk_is_read():
    def live():
        yield "a,b\r\n"
        yield 'c,"d""'
        yield 'e"\n'
        raise RuntimeError("read too far")

    rows = read_rows(live())
    assert next(rows) == ["a", "b"]
    assert next(rows) == ["c", 'd"e']
    with pytest.raises(RuntimeError):
        next(rows)


def test_long_input_is_followed_closely():
    taken = []

    def source():
        for number in range(500):
            taken.append(number)
            yield from (f"{number},", '"2""', '"\r', "\n")

    for number, row in enumerate(read_rows(source())):
        assert row == [str(number), '2"']
        assert len(taken) == number + 1


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7])
def test_file_in_small_blocks(tmp_path, block):
    table = [["id", "text"], ["1", 'a "b"\r\nc'], ["2", ""], ["3", '""']]
    path = tmp_path / "t.csv"
    path.write_text("".join(write_rows(table)), encoding="utf-8", newline="")
    assert list(read_path(path, block=block)) == table


def test_file_larger_than_a_block(tmp_path):
    table = [[str(n), 'x"' * (n % 7)] for n in range(12000)]
    path = tmp_path / "t.csv"
    path.write_text("".join(write_rows(table)), encoding="utf-8", newline="")
    assert list(read_path(path)) == table


def test_records_in_single_characters():
    found = list(read_records('id,name\r\n1,"A ""B"""\r\n'))
    assert found == [{"id": "1", "name": 'A "B"'}]


def test_bom_in_its_own_chunk():
    assert list(read_rows(["", "\ufeff", "a\r", "\nb"])) == [["a"], ["b"]]
