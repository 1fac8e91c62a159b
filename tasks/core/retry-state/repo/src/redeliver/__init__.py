"""Delivering messages again and again until it works."""

from redeliver.delivery import Info
from redeliver.dispatcher import Dispatcher
from redeliver.journal import Event, Journal, summary
from redeliver.policy import RetryPolicy
from redeliver.states import IllegalTransition, State
from redeliver.store import SnapshotError, UnknownDelivery

__all__ = [
    "Dispatcher",
    "Event",
    "IllegalTransition",
    "Info",
    "Journal",
    "RetryPolicy",
    "SnapshotError",
    "State",
    "UnknownDelivery",
    "summary",
]
