"""From values to bytes."""

import struct

from tinywire import varint
from tinywire.errors import WireError
from tinywire.schema import BYTES, FIXED, Schema


def _check(field, value):
    expected = {"int": int, "bool": bool, "float": (int, float), "str": str}
    wanted = dict if isinstance(field.type, Schema) else expected[field.type]
    is_bool = isinstance(value, bool)
    if not isinstance(value, wanted) or (is_bool and field.type != "bool"):
        raise WireError(f"wrong value for {field.name!r}")


def _content(field, value):
    if isinstance(field.type, Schema):
        body = encode(field.type, value)
        return varint.write(len(body)) + body
    if field.kind == FIXED:
        return struct.pack("<d", value)
    if field.kind == BYTES:
        body = value.encode("utf-8")
        return varint.write(len(body)) + body
    return varint.write(int(value) if field.type == "bool" else varint.zigzag(value))


def _field(field, value):
    _check(field, value)
    return varint.write(field.number * 8 + field.kind) + _content(field, value)


def encode(schema, value):
    """The bytes of a message."""
    for name in value:
        if name not in schema.by_name:
            raise WireError(f"no field {name!r}")
    out = bytearray()
    for field in schema.fields:
        if field.name not in value:
            continue
        items = value[field.name]
        if not field.repeated:
            items = [items]
        elif not isinstance(items, list):
            raise WireError(f"{field.name!r} is a list")
        for item in items:
            out += _field(field, item)
    return bytes(out)
