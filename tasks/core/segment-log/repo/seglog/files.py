"""Everything that is done to files.

Paths are strings. The methods that change something are `write`, `append`,
`truncate`, `replace` and `remove`.
"""

import os


class Files:
    """The real file system.

    With `sync=False` changes survive the death of the process, but perhaps
    not that of the machine; it is much faster.
    """

    def __init__(self, sync=True):
        self.sync = sync

    def names(self, directory):
        """Names of the files in a directory, which is made if missing."""
        os.makedirs(directory, exist_ok=True)
        return sorted(os.listdir(directory))

    def size(self, path):
        """Bytes in a file."""
        return os.path.getsize(path)

    def read(self, path, offset=0, size=-1):
        """Bytes of a file."""
        with open(path, "rb") as stream:
            stream.seek(offset)
            return stream.read(size)

    def _settle(self, stream):
        stream.flush()
        if self.sync:
            os.fsync(stream.fileno())

    def write(self, path, data):
        """Make a file, or overwrite it."""
        with open(path, "wb") as stream:
            stream.write(data)
            self._settle(stream)

    def append(self, path, data):
        """Write at the end of a file."""
        with open(path, "ab") as stream:
            stream.write(data)
            self._settle(stream)

    def truncate(self, path, size):
        """Cut a file."""
        os.truncate(path, size)

    def replace(self, source, target):
        """Rename; an existing target is replaced."""
        os.replace(source, target)

    def remove(self, path):
        """Delete a file."""
        os.remove(path)
