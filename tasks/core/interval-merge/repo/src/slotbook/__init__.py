"""Meeting-room bookings."""

from slotbook.calendar import Booking, BookingConflict, RoomCalendar
from slotbook.span import Span
from slotbook.spans import clip, complement, intersect, merge, subtract, total
from slotbook.summary import board
from slotbook.timetext import format_span, parse_span

__all__ = [
    "Booking",
    "BookingConflict",
    "RoomCalendar",
    "Span",
    "board",
    "clip",
    "complement",
    "format_span",
    "intersect",
    "merge",
    "parse_span",
    "subtract",
    "total",
]
