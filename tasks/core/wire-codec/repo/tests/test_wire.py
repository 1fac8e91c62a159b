import pytest

from tinywire import Schema, WireError, decode, edit, encode
from tinywire.varint import read, unzigzag, write, zigzag

ADDRESS = {"fields": {"city": [1, "str"], "zip": [2, "int"]}}
PERSON = Schema.load(
    {
        "fields": {
            "id": [1, "int"],
            "name": [2, "str"],
            "tags": [3, ["str"]],
            "home": [4, ADDRESS],
            "active": [5, "bool"],
            "score": [6, "float"],
            "others": [7, [ADDRESS]],
        }
    }
)

FULL = {
    "id": -3,
    "name": "Zoë",
    "tags": ["a", "b"],
    "home": {"city": "Ulm", "zip": 89073},
    "active": True,
    "score": 0.5,
    "others": [{"city": "Bonn"}, {}],
}


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**70])
def test_varint(number):
    assert read(write(number) + b"x", 0) == (number, len(write(number)))


def test_zigzag():
    assert [zigzag(n) for n in (0, -1, 1, -2, 2)] == [0, 1, 2, 3, 4]
    assert all(unzigzag(zigzag(n)) == n for n in range(-50, 50))


def test_round_trip():
    assert decode(PERSON, encode(PERSON, FULL)) == FULL


def test_bytes():
    assert encode(PERSON, {"id": 5, "tags": ["x"]}).hex() == "080a1a0178"


def test_newer_fields_are_skipped():
    data = bytes.fromhex("080a" "a00601" "910400000000000000f0" "aa060201ff")
    assert decode(PERSON, data) == {"id": 5}


def test_last_one_counts():
    assert decode(PERSON, bytes.fromhex("080a080c")) == {"id": 6}


@pytest.mark.parametrize("text", ["08", "1205", "0d", "12ff", "10", "1201ff"])
def test_bad_bytes(text):
    with pytest.raises(WireError):
        decode(PERSON, bytes.fromhex(text))


@pytest.mark.parametrize(
    "value",
    [{"id": "x"}, {"id": True}, {"tags": "x"}, {"nope": 1}, {"home": 3}],
    ids=["str", "bool", "list", "unknown", "message"],
)
def test_bad_values(value):
    with pytest.raises(WireError):
        encode(PERSON, value)


def test_edit():
    data = encode(PERSON, FULL)
    changed = edit(PERSON, data, {"id": 9, "home.city": "Köln", "others.1.zip": 7, "name": None})
    assert decode(PERSON, changed) == {
        **{key: value for key, value in FULL.items() if key != "name"},
        "id": 9,
        "home": {"city": "Köln", "zip": 89073},
        "others": [{"city": "Bonn"}, {"zip": 7}],
    }


def test_edit_makes_messages():
    assert edit(PERSON, b"", {"home.zip": 1}) == encode(PERSON, {"home": {"zip": 1}})


@pytest.mark.parametrize("path", ["nope", "id.x", "others.5.zip", "others.0", "others.x.zip"])
def test_edit_bad_paths(path):
    with pytest.raises(WireError):
        edit(PERSON, encode(PERSON, FULL), {path: 1})
