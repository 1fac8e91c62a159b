import random
import struct
import zlib

import pytest

from seglog import Files, Store, StoreError


class Crash(BaseException):
    """The process is gone."""


class Fragile(Files):
    """Dies at the n-th change; writing may leave the first half behind."""

    def __init__(self, changes, partial=False):
        super().__init__(sync=False)
        self.left = changes
        self.partial = partial

    def _count(self):
        self.left -= 1
        return self.left < 0

    def write(self, path, data):
        if self._count():
            if self.partial:
                super().write(path, data[:len(data) // 2])
            raise Crash
        super().write(path, data)

    def append(self, path, data):
        if self._count():
            if self.partial:
                super().append(path, data[:len(data) // 2])
            raise Crash
        super().append(path, data)

    def truncate(self, path, size):
        if self._count():
            raise Crash
        super().truncate(path, size)

    def replace(self, source, target):
        if self._count():
            raise Crash
        super().replace(source, target)

    def remove(self, path):
        if self._count():
            raise Crash
        super().remove(path)


def parse(path):
    """(flag, key) of each record, by the format in the README."""
    data = path.read_bytes()
    assert data[:8] == b"SEGLOG1\n"
    offset, found = 8, []
    while offset < len(data):
        crc, flag, key_size, value_size = struct.unpack_from("<IBHI", data, offset)
        end = offset + 11 + key_size + value_size
        assert zlib.crc32(data[offset + 4:end]) == crc
        found.append((flag, data[offset + 11:offset + 11 + key_size]))
        offset = end
    return found


def build(path, *segments):
    """Write segments; each is a list of (key, value) with None for a deletion."""
    path.mkdir(exist_ok=True)
    for number, records in enumerate(segments, 1):
        data = b"SEGLOG1\n"
        for key, value in records:
            rest = struct.pack("<BHI", value is None, len(key), len(value or b""))
            rest += key + (value or b"")
            data += struct.pack("<I", zlib.crc32(rest)) + rest
        (path / f"{number:06d}.seg").write_bytes(data)
    return path


def opened(path, **options):
    return Store.open(path, files=Files(sync=False), **options)


def contents(path):
    with opened(path) as store:
        return dict(store.items())


A, B, C, D = b"a", b"b", b"c", b"d"


def test_deleted_key_stays_deleted(tmp_path):
    path = build(tmp_path / "s", [(A, b"1"), (B, b"1")], [(C, b"1")], [(A, None)], [(D, b"1")], [])
    with opened(path) as store:
        store.compact(2, 4)
        assert len(store.segments()) == 3
        assert A not in store
    assert contents(path) == {B: b"1", C: b"1", D: b"1"}


def test_deletion_and_value_in_the_same_run(tmp_path):
    path = build(tmp_path / "s", [(A, b"0")], [(A, b"1")], [(A, None)], [])
    with opened(path) as store:
        store.compact(2, 3)
    assert contents(path) == {}
    with opened(path) as store:
        store.compact()
    assert contents(path) == {}


def test_key_that_came_back_after_its_deletion(tmp_path):
    path = build(tmp_path / "s", [(A, b"0")], [(A, None)], [(A, b"2")], [(A, None)], [(A, b"4")], [])
    with opened(path) as store:
        store.compact(2, 3)
    assert contents(path) == {A: b"4"}
    with opened(path) as store:
        store.compact(store.segments()[1], store.segments()[2])
    assert contents(path) == {A: b"4"}


def test_newer_value_in_the_active_segment(tmp_path):
    path = build(tmp_path / "s", [(A, b"1"), (B, b"1")], [(A, b"2"), (B, b"2")], [(A, b"3"), (B, None)])
    with opened(path) as store:
        store.compact()
        assert dict(store.items()) == {A: b"3"}
        assert B not in store
        store.put(C, b"5")
        assert store.get(C) == b"5"
    assert contents(path) == {A: b"3", C: b"5"}


def test_newer_value_in_a_closed_segment(tmp_path):
    path = build(tmp_path / "s", [(A, b"1")], [(A, b"2"), (C, b"2")], [(A, b"3"), (C, None)], [])
    with opened(path) as store:
        store.compact(1, 2)
        assert dict(store.items()) == {A: b"3"}
        store.compact(1 if 1 in store.segments() else 2, 3)
        assert dict(store.items()) == {A: b"3"}
    assert contents(path) == {A: b"3"}


def test_no_tombstones_when_nothing_is_older(tmp_path):
    path = build(
        tmp_path / "s",
        [(A, b"1"), (B, b"1"), (B, b"2")],
        [(A, None), (C, b"3"), (D, None)],
        [(C, b"4"), (B, b"3")],
        [(D, b"1")],
        [],
    )
    with opened(path) as store:
        store.compact(1, 3)
        first = store.segments()[0]
        assert sorted(parse(path / f"{first:06d}.seg")) == [(0, B), (0, C)]
        store.compact()
        (first, _) = store.segments()
        assert sorted(parse(path / f"{first:06d}.seg")) == [(0, B), (0, C), (0, D)]
    assert contents(path) == {B: b"3", C: b"4", D: b"1"}


def test_no_key_twice_in_a_later_run(tmp_path):
    path = build(tmp_path / "s", [(A, b"0"), (B, b"0")], [(A, b"1"), (B, b"1"), (A, b"2")], [(A, None), (B, b"3")], [])
    with opened(path) as store:
        store.compact(2, 3)
        second = store.segments()[1]
        assert sorted(parse(path / f"{second:06d}.seg")) == [(0, B), (1, A)]


def test_single_segment_run(tmp_path):
    path = build(tmp_path / "s", [(A, b"0"), (B, b"0")], [(A, b"1"), (A, None)], [])
    with opened(path) as store:
        store.compact(2, 2)
        assert store.segments() == [1, 2, 3]
        store.compact(1, 1)
        assert dict(store.items()) == {B: b"0"}
    assert contents(path) == {B: b"0"}


def test_run_with_nothing_left(tmp_path):
    path = build(tmp_path / "s", [(A, b"0")], [(A, None)], [(B, b"1")])
    with opened(path) as store:
        store.compact()
        assert len(store.segments()) == 2
        assert dict(store.items()) == {B: b"1"}
    assert contents(path) == {B: b"1"}


def test_numbers_with_gaps(tmp_path):
    path = build(tmp_path / "s", [(A, b"1")], [(B, b"1")], [(A, None)], [(C, b"1")], [])
    (path / "000002.seg").unlink()
    with opened(path) as store:
        store.compact(3, 4)
        with pytest.raises(StoreError):
            store.compact(2, 4)
    assert contents(path) == {C: b"1"}


CASES = {
    "deleted in the last of the run": (
        [[(A, b"1"), (B, b"1")], [(A, b"2"), (C, b"1")], [(A, None), (B, None)], [(D, b"1")]],
        (None, None),
    ),
    "deleted in the middle": (
        [[(A, b"1"), (B, b"1")], [(A, None), (C, b"1")], [(B, b"3")], [(D, b"1")]],
        (None, None),
    ),
    "deleted and set again": (
        [[(A, b"1"), (B, b"9")], [(A, None)], [(A, b"3"), (B, None)], [(B, b"4")], []],
        (None, None),
    ),
    "overwritten everywhere": (
        [[(A, b"1"), (B, b"1")], [(A, b"2")], [(A, b"3"), (B, b"3")], [(A, b"4")], [(C, b"5")]],
        (1, 3),
    ),
    "older segments stay": (
        [[(A, b"1"), (B, b"1")], [(A, b"2"), (C, b"2")], [(B, None)], [(A, None), (C, None)], []],
        (2, 4),
    ),
    "newer segments too": (
        [[(A, b"1")], [(B, b"2"), (A, None)], [(B, None)], [(B, b"4")], [(A, b"5"), (B, None)], []],
        (2, 3),
    ),
}


@pytest.mark.parametrize("partial", [False, True], ids=["clean", "partial"])
@pytest.mark.parametrize("name", list(CASES))
def test_death_at_any_point(tmp_path, name, partial):
    segments, run = CASES[name]
    expected = contents(build(tmp_path / "model", *segments))
    for changes in range(40):
        path = build(tmp_path / f"s{changes}", *segments)
        try:
            with Store.open(path, files=Fragile(changes, partial)) as store:
                store.compact(*run)
        except Crash:
            assert contents(path) == expected, changes
            # and once more, on what is left
            for again in range(40):
                try:
                    with Store.open(path, files=Fragile(again, partial)) as store:
                        store.compact()
                except Crash:
                    assert contents(path) == expected, (changes, again)
                else:
                    break
            with opened(path) as store:
                store.compact()
                assert dict(store.items()) == expected
                assert len(store.segments()) <= 2
            assert contents(path) == expected
        else:
            break
    else:
        raise AssertionError("compact never came to an end")


@pytest.mark.parametrize("seed", range(12))
def test_long_random_life(tmp_path, seed):
    rng = random.Random(seed)
    keys = [b"k%d" % number for number in range(9)]
    model = {}
    store = opened(tmp_path, segment_bytes=60)
    for step in range(220):
        action = rng.random()
        key = rng.choice(keys)
        if action < 0.5:
            store.put(key, b"%d" % step)
            model[key] = b"%d" % step
        elif action < 0.8:
            assert store.delete(key) == (key in model)
            model.pop(key, None)
        elif action < 0.95:
            closed = store.segments()[:-1]
            if closed:
                run = sorted(rng.choices(closed, k=2))
                before = len(store.segments())
                store.compact(*run)
                assert len(store.segments()) == before - sum(run[0] < n <= run[1] for n in closed)
        else:
            store = opened(tmp_path, segment_bytes=60)
        assert dict(store.items()) == model
    store.compact()
    assert contents(tmp_path) == model


@pytest.mark.parametrize("seed", range(8))
def test_random_life_with_crashes(tmp_path, seed):
    rng = random.Random(seed)
    keys = [b"k%d" % number for number in range(6)]
    model = {}
    store = opened(tmp_path, segment_bytes=50)
    for step in range(40):
        for _ in range(rng.randrange(12)):
            key = rng.choice(keys)
            if rng.random() < 0.6:
                store.put(key, b"%d" % step)
                model[key] = b"%d" % step
            else:
                store.delete(key)
                model.pop(key, None)
        store.close()
        files = Fragile(rng.randrange(12), partial=rng.random() < 0.5)
        try:
            with Store.open(tmp_path, segment_bytes=50, files=files) as broken:
                closed = broken.segments()[:-1]
                if closed:
                    broken.compact(*sorted(rng.choices(closed, k=2)))
        except Crash:
            pass
        store = opened(tmp_path, segment_bytes=50)
        assert dict(store.items()) == model
