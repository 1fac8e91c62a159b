"""Which fields a message has."""

from dataclasses import dataclass
from typing import Any

from tinywire.errors import WireError

VARINT, FIXED, BYTES = 0, 1, 2

_KINDS = {"int": VARINT, "bool": VARINT, "float": FIXED, "str": BYTES}


@dataclass(frozen=True)
class Field:
    """A field; `type` is a name or the Schema of a message."""

    name: str
    number: int
    type: Any
    repeated: bool

    @property
    def kind(self):
        """How it is written on the wire."""
        return BYTES if isinstance(self.type, Schema) else _KINDS[self.type]


class Schema:
    """The fields of a message, by name and by number."""

    def __init__(self, fields):
        self.fields = sorted(fields, key=lambda field: field.number)
        self.by_name = {field.name: field for field in fields}
        self.by_number = {field.number: field for field in fields}
        if len(self.by_number) < len(fields):
            raise WireError("two fields have the same number")

    @classmethod
    def load(cls, document):
        """A schema from its JSON form."""
        try:
            entries = document["fields"].items()
            return cls([_field(name, number, kind) for name, (number, kind) in entries])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, WireError):
                raise
            raise WireError("not a schema") from None


def _field(name, number, kind):
    repeated = isinstance(kind, list)
    if repeated:
        (kind,) = kind
    if isinstance(kind, dict):
        kind = Schema.load(kind)
    elif kind not in _KINDS:
        raise WireError(f"unknown type {kind!r}")
    if not isinstance(number, int) or number < 1:
        raise WireError(f"field {name!r} needs a positive number")
    if "." in name or not name:
        raise WireError(f"not a field name: {name!r}")
    return Field(name, number, kind, repeated)
