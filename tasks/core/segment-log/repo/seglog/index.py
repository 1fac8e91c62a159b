"""Where the current value of each key is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A record in a segment."""

    segment: int
    offset: int
    size: int


class Index:
    """Keys that are in the store and their places."""

    def __init__(self):
        self._places = {}

    def __len__(self):
        return len(self._places)

    def __contains__(self, key):
        return key in self._places

    def keys(self):
        """All keys, sorted."""
        return sorted(self._places)

    def find(self, key):
        """The place of a key, None if it is not in the store."""
        return self._places.get(key)

    def note(self, record, place):
        """Take a record into account that is newer than all before."""
        if record.deleted:
            self._places.pop(record.key, None)
        else:
            self._places[record.key] = place

    def move(self, places):
        """Records have been copied: a dict from key to new place."""
        self._places.update(places)
