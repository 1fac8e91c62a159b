"""The configuration that layers amount to."""

from strata.interpolate import interpolate
from strata.merge import merge
from strata.paths import MISSING, find, leaves, split


class Config:
    """What a number of layers say together; the last layer wins.

    Raises ConfigError when they contradict each other or a reference leads
    nowhere.
    """

    def __init__(self, layers):
        self._layers = list(layers)
        self._data = {}
        for layer in self._layers:
            merge(self._data, layer.data)
            self._data = interpolate(self._data, self._data)

    def __getitem__(self, path):
        value = find(self._data, split(path))
        if value is MISSING:
            raise KeyError(path)
        return value

    def __contains__(self, path):
        return find(self._data, split(path)) is not MISSING

    def get(self, path, default=None):
        """The value at a path, or a default."""
        return self[path] if path in self else default

    def paths(self):
        """The paths of all values that are no tables."""
        return [".".join(keys) for keys, _ in leaves(self._data)]

    def as_dict(self):
        """Everything as nested tables."""
        return self._data

    def origins(self, path):
        """Names of the layers that a value comes from, lowest first."""
        if path not in self:
            raise KeyError(path)
        keys = split(path)
        return [layer.name for layer in self._layers if find(layer.data, keys) is not MISSING]
