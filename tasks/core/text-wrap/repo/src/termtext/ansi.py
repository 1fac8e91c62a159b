"""Escape sequences that colour text (CSI ... m) and their relatives."""

import re

CSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")


def strip_ansi(text):
    """The text without escape sequences."""
    return CSI.sub("", text)


def split_ansi(text):
    """Yield (is_escape, piece) for the alternating parts of the text."""
    position = 0
    for match in CSI.finditer(text):
        if match.start() > position:
            yield False, text[position:match.start()]
        yield True, match.group()
        position = match.end()
    if position < len(text):
        yield False, text[position:]
