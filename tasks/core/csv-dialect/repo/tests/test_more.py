import pytest

from tabread import Dialect, TableError, read_records, read_rows, sniff, write_rows


def test_records():
    found = list(read_records(["id,name\n1,Ann\n2\n"]))
    assert found == [{"id": "1", "name": "Ann"}, {"id": "2", "name": None}]


def test_records_too_long():
    with pytest.raises(TableError):
        list(read_records(["a\n1,2\n"]))


def test_records_of_nothing():
    assert list(read_records([])) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_sniff(delimiter):
    text = "\n".join(delimiter.join(row) for row in (["a", "b", "c"], ["1", "2", "3"]))
    assert sniff(text).delimiter == delimiter


def test_write():
    assert list(write_rows([["a", "b,c", 'd"']])) == ['a,"b,c","d"""\r\n']


def test_round_trip():
    table = [["a", ""], ["x\ny", 'q"q'], ["\\", ","]]
    for dialect in (Dialect(), Dialect(escape="\\"), Dialect(delimiter=";", quote="'")):
        assert list(read_rows(["".join(write_rows(table, dialect))], dialect)) == table
