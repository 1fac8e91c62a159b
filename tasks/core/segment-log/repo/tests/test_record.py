import pytest

from seglog.record import Damaged, Record, Torn, decode


def test_round_trip():
    data = Record(b"k", b"vv").encode() + Record(b"d", deleted=True).encode()
    first, offset = decode(data, 0)
    second, end = decode(data, offset)
    assert (first, second, end) == (Record(b"k", b"vv"), Record(b"d", deleted=True), len(data))


def test_torn():
    data = Record(b"k", b"vv").encode()
    for size in range(len(data)):
        with pytest.raises(Torn):
            decode(data[:size], 0)


def test_damaged():
    data = bytearray(Record(b"k", b"vv").encode())
    data[-1] ^= 1
    with pytest.raises(Damaged):
        decode(bytes(data), 0)
