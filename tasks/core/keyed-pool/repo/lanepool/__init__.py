"""A thread pool with lanes."""

from lanepool.errors import Cancelled, PoolClosed
from lanepool.future import Future
from lanepool.gather import first_error, wait_all
from lanepool.pool import Pool
from lanepool.stats import Stats

__all__ = ["Cancelled", "Future", "Pool", "PoolClosed", "Stats", "first_error", "wait_all"]
