"""What can go wrong."""


class StoreError(Exception):
    """The store cannot do that."""


class CorruptSegment(StoreError):
    """A segment is damaged in a way that no crash explains."""

    def __init__(self, path, offset, reason):
        super().__init__(f"{path}: {reason} at byte {offset}")
        self.path = path
        self.offset = offset
