"""Text for the notice board next to the door."""

from slotbook.spans import total
from slotbook.timetext import format_span


def board(room):
    """Room name, share of the day that is taken, and one line a busy span."""
    share = round(100 * total(room.busy()) / room.opening.minutes)
    lines = [f"{room.name}: {share}% booked"]
    lines.extend(f"  busy {format_span(span)}" for span in room.busy())
    if not room.busy():
        lines.append("  free all day")
    return "\n".join(lines)
