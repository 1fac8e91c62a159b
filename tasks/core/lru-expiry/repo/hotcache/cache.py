"""The cache itself."""

from collections import OrderedDict
from itertools import count

from hotcache.clock import system_clock
from hotcache.entry import Entry
from hotcache.expiry import ExpiryQueue
from hotcache.stats import Stats

_MISSING = object()


class Cache:
    """At most `maxsize` entries, each for `ttl` seconds.

    Entries are kept from the one used longest ago to the one used last.
    """

    def __init__(self, maxsize=128, ttl=60.0, clock=system_clock):
        if maxsize < 1:
            raise ValueError("maxsize must be at least 1")
        if ttl <= 0:
            raise ValueError("ttl must be positive")
        self.maxsize = maxsize
        self.ttl = ttl
        self.stats = Stats()
        self._clock = clock
        self._entries = OrderedDict()
        self._queue = ExpiryQueue()
        self._versions = count(1)

    def __len__(self):
        """Entries held, the ones nobody has dropped yet included."""
        return len(self._entries)

    def __contains__(self, key):
        entry = self._entries.get(key)
        return entry is not None and not entry.over(self._clock())

    def keys(self):
        """Keys that can still be read, the one used longest ago first."""
        now = self._clock()
        return [key for key, entry in self._entries.items() if not entry.over(now)]

    def get(self, key, default=None):
        """The value, or `default` when there is none (any more)."""
        entry = self._entries.get(key)
        if entry is None or entry.over(self._clock()):
            self.stats.misses += 1
            return default
        self._entries.move_to_end(key)
        self.stats.hits += 1
        return entry.value

    def set(self, key, value, ttl=None):
        """Store a value; its time to live starts now."""
        now = self._clock()
        if key not in self._entries:
            self._make_room(now)
        self._write(key, value, now, ttl)

    def touch(self, key, ttl=None):
        """Restart the time to live; False when there is nothing to restart."""
        now = self._clock()
        entry = self._entries.get(key)
        if entry is None or entry.over(now):
            return False
        self._write(key, entry.value, now, ttl)
        return True

    def get_or_set(self, key, make, ttl=None):
        """The value, made by calling `make()` when there is none."""
        value = self.get(key, _MISSING)
        if value is _MISSING:
            value = make()
            self.set(key, value, ttl)
        return value

    def delete(self, key):
        """Drop a key; True when it was there."""
        return self._entries.pop(key, None) is not None

    def clear(self):
        """Drop everything."""
        self._entries.clear()
        self._queue.clear()

    def purge(self):
        """Drop every entry whose time is over; returns how many."""
        return self._drop_expired(self._clock())

    def _write(self, key, value, now, ttl):
        deadline = now + (self.ttl if ttl is None else ttl)
        entry = Entry(value, deadline, next(self._versions))
        self._entries[key] = entry
        self._entries.move_to_end(key)
        self._queue.issue(key, entry)

    def _make_room(self, now):
        if len(self._entries) >= self.maxsize:
            self._drop_expired(now)
        while len(self._entries) >= self.maxsize:
            self._entries.popitem(last=False)
            self.stats.evicted += 1

    def _drop_expired(self, now):
        dropped = 0
        for ticket in self._queue.due(now):
            entry = self._entries.get(ticket.key)
            if entry is not None and entry.version >= ticket.version:
                del self._entries[ticket.key]
                dropped += 1
        self.stats.expired += dropped
        return dropped
