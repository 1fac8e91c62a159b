"""A key-value store in append-only files."""

from seglog.errors import CorruptSegment, StoreError
from seglog.files import Files
from seglog.store import Store

__all__ = ["CorruptSegment", "Files", "Store", "StoreError"]
