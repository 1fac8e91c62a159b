"""The queue of tickets, soonest deadline first."""

import heapq

from hotcache.entry import Ticket


class ExpiryQueue:
    """Tickets ordered by deadline."""

    def __init__(self):
        self._heap = []

    def __len__(self):
        return len(self._heap)

    def issue(self, key, entry):
        """Remember to look at `key` when `entry` is over."""
        heapq.heappush(self._heap, Ticket(entry.deadline, entry.version, key))

    def due(self, now):
        """Take out and yield every ticket whose deadline has come."""
        while self._heap and self._heap[0].deadline <= now:
            yield heapq.heappop(self._heap)

    def clear(self):
        """Forget all tickets."""
        self._heap.clear()
