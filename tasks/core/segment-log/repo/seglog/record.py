"""Records as bytes."""

import struct
import zlib
from dataclasses import dataclass

HEAD = struct.Struct("<IBHI")
_AFTER_CRC = struct.Struct("<BHI")
MAX_KEY = 0xFFFF


class Torn(Exception):
    """The data ends before the record does."""


class Damaged(Exception):
    """The checksum or a field is wrong."""


@dataclass(frozen=True)
class Record:
    """A value, or a tombstone if `deleted`."""

    key: bytes
    value: bytes = b""
    deleted: bool = False

    def encode(self):
        """The record as bytes."""
        rest = _AFTER_CRC.pack(self.deleted, len(self.key), len(self.value))
        rest += self.key + self.value
        return zlib.crc32(rest).to_bytes(4, "little") + rest


def decode(data, offset):
    """The record at an offset, and the offset after it."""
    if len(data) - offset < HEAD.size:
        raise Torn
    crc, flag, key_size, value_size = HEAD.unpack_from(data, offset)
    end = offset + HEAD.size + key_size + value_size
    if end > len(data):
        raise Torn
    if flag > 1 or zlib.crc32(data[offset + 4:end]) != crc:
        raise Damaged
    start = offset + HEAD.size
    key = data[start:start + key_size]
    return Record(key, data[start + key_size:end], bool(flag)), end
