"""Tries go where most room is, wait while there is none, and leave a lost node's slots alone."""

import threading

import pytest

from arena.errors import EngineError, HarnessError
from arena.run import ray_host
from arena.run.ray_host import NodePool, WorkerNode


def test_the_node_with_most_room_is_taken():
    made = NodePool()
    small, large = WorkerNode(None, "a", 1), WorkerNode(None, "b", 3)
    made.add(small)
    made.add(large)
    taken = [made.take() for _ in range(4)]
    assert taken.count(large) == 3
    assert taken.count(small) == 1


def test_a_slot_given_back_is_taken_by_who_waits():
    made = NodePool()
    worker = WorkerNode(None, "a", 1)
    made.add(worker)
    made.take()
    got = []
    waiting = threading.Thread(target=lambda: got.append(made.take()), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert got == []
    made.give(worker)
    waiting.join(30)
    assert got == [worker]


def test_a_lost_node_is_dropped_once():
    made = NodePool()
    worker = WorkerNode(None, "a", 1)
    made.add(worker)
    assert made.drop(worker)
    assert not made.drop(worker)


def test_without_any_node_a_run_gives_up(monkeypatch):
    monkeypatch.setattr(ray_host, "PATIENCE_S", 0.0)
    with pytest.raises(EngineError, match="no node"):
        NodePool().take()


def test_the_end_turns_away_who_waits():
    made = NodePool()
    made.close()
    assert not made.add(WorkerNode(None, "late", 1))
    assert made.workers == []
    with pytest.raises(HarnessError, match="ending"):
        made.take()
