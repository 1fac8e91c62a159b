"""One segment file."""

import os
import re

from seglog.errors import CorruptSegment
from seglog.record import Damaged, Torn, decode

MAGIC = b"SEGLOG1\n"
_NAME = re.compile(r"(\d{6})\.seg")


def path_of(directory, number):
    """The file of a segment."""
    return os.path.join(directory, f"{number:06d}.seg")


def numbers_in(files, directory):
    """Numbers of the segments in a directory, ascending."""
    matches = (_NAME.fullmatch(name) for name in files.names(directory))
    return sorted(int(match[1]) for match in matches if match)


def scan(files, path):
    """Yield (record, offset, size) for a segment that must be whole."""
    data = files.read(path)
    if not data.startswith(MAGIC):
        raise CorruptSegment(path, 0, "not a segment")
    offset = len(MAGIC)
    while offset < len(data):
        try:
            record, end = decode(data, offset)
        except (Torn, Damaged):
            raise CorruptSegment(path, offset, "damaged record") from None
        yield record, offset, end - offset
        offset = end


def repair(files, path):
    """Remove what a crash left at the end of the active segment."""
    data = files.read(path)
    if len(data) < len(MAGIC) and MAGIC.startswith(data):
        files.write(path, MAGIC)
        return
    offset = len(MAGIC)
    while offset < len(data):
        try:
            _, offset = decode(data, offset)
        except Torn:
            files.truncate(path, offset)
            return
        except Damaged:
            return
