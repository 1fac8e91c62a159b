"""A bounded cache whose entries also grow old."""

from hotcache.cache import Cache
from hotcache.clock import ManualClock, system_clock
from hotcache.memo import memoize
from hotcache.stats import Stats

__all__ = ["Cache", "ManualClock", "Stats", "memoize", "system_clock"]
