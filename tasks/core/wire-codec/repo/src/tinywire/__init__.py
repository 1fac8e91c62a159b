"""A compact binary form for small messages."""

from tinywire.decoder import decode
from tinywire.edit import edit
from tinywire.encoder import encode
from tinywire.errors import WireError
from tinywire.schema import Schema

__all__ = ["Schema", "WireError", "decode", "edit", "encode"]
