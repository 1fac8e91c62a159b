from tabread import read_records, read_rows


def test_records_in_single_characters():
    found = list(read_records('id,name\r\n1,"A ""B"""\r\n'))
    assert found == [{"id": "1", "name": "A B"}]


def test_bom_in_its_own_chunk():
    assert list(read_rows(["", "\ufeff", "a\r", "\nb"])) == [["a"], ["b"], []]
