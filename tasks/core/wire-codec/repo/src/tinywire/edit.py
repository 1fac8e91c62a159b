"""Changing single fields of an encoded message."""

from tinywire.decoder import decode
from tinywire.encoder import encode
from tinywire.errors import WireError
from tinywire.schema import Schema


def _item(items, text, path):
    try:
        place = int(text)
        if place < 0:
            raise IndexError
        return items[place]
    except (ValueError, IndexError):
        raise WireError(f"no item {text!r} in {path!r}") from None


def _set(schema, message, path, value):
    """Set a path in a decoded message."""
    names = path.split(".")
    while True:
        name = names.pop(0)
        field = schema.by_name.get(name)
        if field is None:
            raise WireError(f"no field {path!r}")
        if not names:
            break
        if not isinstance(field.type, Schema):
            raise WireError(f"{path!r} leads through a value")
        if field.repeated:
            message = _item(message.get(name, []), names.pop(0), path)
            if not names:
                raise WireError(f"{path!r} is an item, not a field")
        else:
            message = message.setdefault(name, {})
        schema = field.type
    if value is None:
        message.pop(name, None)
    else:
        message[name] = value


def edit(schema, data, changes):
    """The bytes of a message after changes, a dict from paths to values."""
    message = decode(schema, data)
    for path, value in changes.items():
        _set(schema, message, path, value)
    return encode(schema, message)
