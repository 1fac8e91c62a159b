"""Reading and printing times of day."""

import re

from slotbook.span import Span

_TIME = re.compile(r"(\d{1,2}):(\d{2})")


def parse_time(text):
    """Minutes since midnight for `HH:MM`; `24:00` is the end of the day."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a time of day: {text!r}")
    hours, minutes = int(match[1]), int(match[2])
    value = hours * 60 + minutes
    if minutes > 59 or value > 24 * 60:
        raise ValueError(f"not a time of day: {text!r}")
    return value


def parse_span(text):
    """A span from `HH:MM-HH:MM`."""
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"not a span: {text!r}")
    return Span(parse_time(start), parse_time(end))


def format_time(value):
    """`HH:MM` for minutes since midnight."""
    return f"{value // 60:02d}:{value % 60:02d}"


def format_span(span):
    """`HH:MM-HH:MM`, the form parse_span reads."""
    return f"{format_time(span.start)}-{format_time(span.end)}"
