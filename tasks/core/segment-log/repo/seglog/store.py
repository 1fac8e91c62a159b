"""The store."""

from seglog.compaction import compact
from seglog.errors import StoreError
from seglog.files import Files
from seglog.index import Index, Place
from seglog.record import MAX_KEY, Record, decode
from seglog.segment import MAGIC, numbers_in, path_of, repair, scan


class Store:
    """Keys and values in a directory. Make one with `Store.open`."""

    def __init__(self, directory, segment_bytes, files):
        self._directory = str(directory)
        self._limit = segment_bytes
        self._files = files
        self._index = Index()
        self._active = 0
        self._closed = False

    @classmethod
    def open(cls, directory, segment_bytes=1 << 20, files=None):
        """Read a directory, or begin a new one."""
        store = cls(directory, segment_bytes, files or Files())
        store._load()
        return store

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __len__(self):
        return len(self._index)

    def __contains__(self, key):
        return key in self._index

    def _path(self, number):
        return path_of(self._directory, number)

    def _load(self):
        numbers = numbers_in(self._files, self._directory)
        if not numbers:
            self._begin(1)
            return
        repair(self._files, self._path(numbers[-1]))
        for number in numbers:
            for record, offset, size in scan(self._files, self._path(number)):
                self._index.note(record, Place(number, offset, size))
        self._active = numbers[-1]

    def _begin(self, number):
        self._files.write(self._path(number), MAGIC)
        self._active = number

    def _check(self):
        if self._closed:
            raise StoreError("the store is closed")

    def _append(self, record):
        self._check()
        path = self._path(self._active)
        offset = self._files.size(path)
        encoded = record.encode()
        self._files.append(path, encoded)
        self._index.note(record, Place(self._active, offset, len(encoded)))
        if offset + len(encoded) > self._limit:
            self._begin(self._active + 1)

    def put(self, key, value):
        """Set the value of a key."""
        if not 0 < len(key) <= MAX_KEY:
            raise ValueError("keys have 1 to 65535 bytes")
        self._append(Record(bytes(key), bytes(value)))

    def delete(self, key):
        """Remove a key; False if there is none."""
        self._check()
        if key not in self._index:
            return False
        self._append(Record(bytes(key), deleted=True))
        return True

    def get(self, key, default=None):
        """The value of a key."""
        self._check()
        place = self._index.find(key)
        if place is None:
            return default
        data = self._files.read(self._path(place.segment), place.offset, place.size)
        record, _ = decode(data, 0)
        return record.value

    def keys(self):
        """All keys, sorted."""
        return self._index.keys()

    def items(self):
        """All keys and values, sorted by key."""
        return [(key, self.get(key)) for key in self.keys()]

    def segments(self):
        """Numbers of the segments; the last is the active one."""
        return numbers_in(self._files, self._directory)

    def compact(self, first=None, last=None):
        """Compact the closed segments from `first` to `last`, both included.

        Without arguments all closed segments.
        """
        self._check()
        closed = self.segments()[:-1]
        for number in (first, last):
            if number is not None and number not in closed:
                raise StoreError(f"{number} is not a closed segment")
        low = closed[0] if first is None and closed else first
        high = closed[-1] if last is None and closed else last
        chosen = [number for number in closed if low <= number <= high]
        if chosen:
            self._index.move(compact(self._files, self._directory, chosen))

    def close(self):
        """No more calls; everything is already on disk."""
        self._closed = True
