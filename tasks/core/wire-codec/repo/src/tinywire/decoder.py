"""From bytes to values."""

import struct

from tinywire import varint
from tinywire.errors import WireError
from tinywire.schema import BYTES, FIXED, VARINT, Schema


def split(data):
    """Yield (number, kind, content) for each field; content is an int or bytes."""
    offset = 0
    while offset < len(data):
        head, offset = varint.read(data, offset)
        number, kind = divmod(head, 8)
        if kind == VARINT:
            content, offset = varint.read(data, offset)
        elif kind in (FIXED, BYTES):
            size = 8
            if kind == BYTES:
                size, offset = varint.read(data, offset)
            content = data[offset:offset + size]
            offset += size
            if offset > len(data):
                raise WireError("the message is cut off")
        else:
            raise WireError(f"field {number} has an unknown kind")
        yield number, kind, content


def _value(field, content):
    if isinstance(field.type, Schema):
        return decode(field.type, content)
    if field.kind == FIXED:
        return struct.unpack("<d", content)[0]
    if field.kind == BYTES:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise WireError(f"{field.name!r} is not UTF-8") from None
    if field.type == "bool":
        return content != 0
    return varint.unzigzag(content)


def decode(schema, data):
    """The value of a message."""
    found = {}
    for number, kind, content in split(data):
        field = schema.by_number.get(number)
        if field is None:
            continue
        if field.kind != kind:
            raise WireError(f"{field.name!r} has the wrong kind")
        value = _value(field, content)
        if field.repeated:
            found.setdefault(field.name, []).append(value)
        else:
            found[field.name] = value
    return found
