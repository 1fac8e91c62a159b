"""Making a text exactly, or at most, so wide."""

from termtext.cells import cells, text_width

_SIDES = ("left", "right", "center")


def pad(text, width, align="left"):
    """The text with blanks around it; wider text comes back unchanged."""
    if align not in _SIDES:
        raise ValueError(f"align must be one of {', '.join(_SIDES)}")
    room = max(0, width - text_width(text))
    if align == "left":
        return text + " " * room
    if align == "right":
        return " " * room + text
    before = room // 2
    return " " * before + text + " " * (room - before)


def truncate(text, width, ellipsis="…"):
    """At most `width` columns of the text, with an ellipsis when cut.

    Escape sequences after the cut are kept, so colours are switched off
    again.
    """
    if text_width(text) <= width:
        return text
    room = width - text_width(ellipsis)
    if room < 0:
        return ""
    kept, used, full = [], 0, False
    for cell in cells(text):
        if cell.text.startswith("\x1b"):
            kept.append(cell.text)
            continue
        if full or used + cell.width > room:
            if not full:
                kept.append(ellipsis)
            full = True
            continue
        kept.append(cell.text)
        used += cell.width
    return "".join(kept)
