"""Remember what a function returned."""

from functools import wraps

from hotcache.cache import Cache
from hotcache.clock import system_clock


def _call_key(args, kwargs):
    return args, tuple(sorted(kwargs.items()))


def memoize(maxsize=128, ttl=60.0, clock=system_clock):
    """Decorator that keeps results for `ttl` seconds.

    Arguments must be hashable. The cache is in the attribute `cache` of the
    decorated function.
    """

    def decorate(function):
        cache = Cache(maxsize=maxsize, ttl=ttl, clock=clock)

        @wraps(function)
        def wrapper(*args, **kwargs):
            key = _call_key(args, kwargs)
            return cache.get_or_set(key, lambda: function(*args, **kwargs))

        wrapper.cache = cache
        return wrapper

    return decorate
