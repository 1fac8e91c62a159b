import pytest

from seglog import CorruptSegment, Store, StoreError


def fill(store, start, count, tag=b""):
    for number in range(start, start + count):
        store.put(b"key%03d" % number, b"value%03d" % number + tag)


def test_put_get_delete(tmp_path):
    with Store.open(tmp_path) as store:
        store.put(b"a", b"1")
        store.put(b"b", b"")
        assert store.get(b"a") == b"1"
        assert store.get(b"b") == b""
        assert store.get(b"c", b"none") == b"none"
        assert store.delete(b"a")
        assert not store.delete(b"a")
        assert store.keys() == [b"b"]
    with pytest.raises(StoreError):
        store.put(b"a", b"1")


def test_open_again(tmp_path):
    with Store.open(tmp_path, segment_bytes=100) as store:
        fill(store, 0, 20)
        store.delete(b"key003")
        store.put(b"key004", b"new")
    with Store.open(tmp_path, segment_bytes=100) as store:
        assert len(store) == 19
        assert store.get(b"key004") == b"new"
        assert b"key003" not in store


def test_segments_are_begun(tmp_path):
    with Store.open(tmp_path, segment_bytes=100) as store:
        fill(store, 0, 8)
        assert store.segments() == [1, 2, 3]


def test_compact_everything(tmp_path):
    with Store.open(tmp_path, segment_bytes=100) as store:
        for _ in range(5):
            fill(store, 0, 4)
        before = store.items()
        store.compact()
        assert len(store.segments()) == 2
        assert store.items() == before
    with Store.open(tmp_path) as store:
        assert store.items() == before


def test_compact_a_part(tmp_path):
    with Store.open(tmp_path, segment_bytes=100) as store:
        fill(store, 0, 24)
        before = store.items()
        count = len(store.segments())
        store.compact(2, 4)
        assert len(store.segments()) == count - 2
        assert store.items() == before
        with pytest.raises(StoreError):
            store.compact(1, store.segments()[-1])


def test_compact_nothing(tmp_path):
    with Store.open(tmp_path) as store:
        store.compact()
        assert store.segments() == [1]


def test_torn_record_at_the_end(tmp_path):
    with Store.open(tmp_path) as store:
        fill(store, 0, 3)
    path = tmp_path / "000001.seg"
    path.write_bytes(path.read_bytes()[:-4])
    with Store.open(tmp_path) as store:
        assert store.keys() == [b"key000", b"key001"]
        store.put(b"more", b"1")
    with Store.open(tmp_path) as store:
        assert len(store) == 3


def test_damage(tmp_path):
    with Store.open(tmp_path) as store:
        fill(store, 0, 3)
    path = tmp_path / "000001.seg"
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptSegment):
        Store.open(tmp_path)


def test_empty_key(tmp_path):
    with Store.open(tmp_path) as store, pytest.raises(ValueError):
        store.put(b"", b"x")
