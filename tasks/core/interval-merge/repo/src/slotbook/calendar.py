"""One room, one day, and who booked it."""

from dataclasses import dataclass

from slotbook.span import Span
from slotbook.spans import complement, merge

FULL_DAY = Span(0, 24 * 60)


class BookingConflict(Exception):
    """The room is already taken at that time."""

    def __init__(self, wanted, existing):
        super().__init__(f"{wanted} collides with {existing.title!r}")
        self.wanted = wanted
        self.existing = existing


@dataclass(frozen=True)
class Booking:
    """A span of time with a title."""

    span: Span
    title: str


class RoomCalendar:
    """Bookings of one room on one day."""

    def __init__(self, name, opening=FULL_DAY):
        self.name = name
        self.opening = opening
        self._bookings = []

    def __len__(self):
        return len(self._bookings)

    @property
    def bookings(self):
        """All bookings, earliest first."""
        return sorted(self._bookings, key=lambda booking: booking.span)

    def book(self, span, title):
        """Take the room; raises BookingConflict when it is not available."""
        if span.empty:
            raise ValueError("a booking needs at least one minute")
        if not self.opening.contains(span):
            raise ValueError(f"{self.name} is closed at that time")
        for existing in self._bookings:
            if existing.span.overlaps(span):
                raise BookingConflict(span, existing)
        booking = Booking(span, title)
        self._bookings.append(booking)
        return booking

    def cancel(self, booking):
        """Give the time back; unknown bookings are an error."""
        self._bookings.remove(booking)

    def busy(self):
        """Spans during which somebody is in the room."""
        return merge(booking.span for booking in self._bookings)

    def free(self):
        """Spans during opening hours that nobody has booked."""
        return complement(self.busy(), self.opening)

    def first_free(self, minutes, after=None):
        """The earliest free span of that length, or None.

        `after` is the earliest acceptable start in minutes.
        """
        earliest = self.opening.start if after is None else after
        for gap in self.free():
            start = max(gap.start, earliest)
            if start + minutes <= gap.end:
                return Span(start, start + minutes)
        return None
