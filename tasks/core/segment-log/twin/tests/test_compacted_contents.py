from seglog import Store


def test_newer_value_in_the_active_segment(tmp_path):
    with Store.open(tmp_path, segment_bytes=30) as store:
        store.put(b"a", b"1" * 30)
        store.put(b"a", b"2")
        store.compact()
        assert store.get(b"a") == b"3"


def test_deleted_key_stays_deleted(tmp_path):
    with Store.open(tmp_path, segment_bytes=30) as store:
        store.put(b"a", b"1" * 30)
        store.delete(b"a")
        store.put(b"b", b"1" * 30)
        store.compact(2, 2)
    with Store.open(tmp_path) as store:
        assert store.get(b"b") == b"1"
