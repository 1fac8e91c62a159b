"""Rewriting closed segments."""

import os

from seglog.index import Place
from seglog.segment import MAGIC, path_of, scan

_TEMPORARY = "compact.tmp"


def _survivors(files, directory, numbers):
    """The last record of each key that is not deleted."""
    found = {}
    for number in numbers:
        for record, _, _ in scan(files, path_of(directory, number)):
            if record.deleted:
                found.pop(record.key, None)
            else:
                found[record.key] = record
    return found


def compact(files, directory, numbers):
    """Replace a run of segments by one; returns the new places of its keys."""
    target = numbers[-1]
    data = bytearray(MAGIC)
    places = {}
    for key, record in _survivors(files, directory, numbers).items():
        encoded = record.encode()
        places[key] = Place(target, len(data), len(encoded))
        data += encoded
    temporary = os.path.join(directory, _TEMPORARY)
    files.write(temporary, bytes(data))
    files.replace(temporary, path_of(directory, target))
    for number in numbers:
        if number != target:
            files.remove(path_of(directory, number))
    return places
