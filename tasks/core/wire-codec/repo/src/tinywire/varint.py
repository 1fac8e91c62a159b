"""Integers of any size."""

from tinywire.errors import WireError


def write(number):
    """A non-negative integer as bytes."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read(data, offset):
    """(integer, offset after it)."""
    number = shift = 0
    while True:
        if offset >= len(data):
            raise WireError("the message is cut off")
        byte = data[offset]
        offset += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return number, offset


def zigzag(number):
    """Integers with a sign as integers without."""
    return number * 2 if number >= 0 else -number * 2 - 1


def unzigzag(number):
    """The way back."""
    return -(number + 1) // 2 if number & 1 else number // 2
