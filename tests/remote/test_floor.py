"""Tries go where most room is, wait while there is none, and leave a lost node's slots alone."""

import threading

import pytest

from arena.errors import EngineError, HarnessError
from arena.remote import floor
from arena.remote.floor import Floor, Station


def test_the_node_with_most_room_is_taken():
    made = Floor()
    small, large = Station(None, "a", 1), Station(None, "b", 3)
    made.add(small)
    made.add(large)
    taken = [made.take() for _ in range(4)]
    assert taken.count(large) == 3
    assert taken.count(small) == 1


def test_a_slot_given_back_is_taken_by_who_waits():
    made = Floor()
    station = Station(None, "a", 1)
    made.add(station)
    made.take()
    got = []
    waiting = threading.Thread(target=lambda: got.append(made.take()), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert got == []
    made.give(station)
    waiting.join(30)
    assert got == [station]


def test_a_lost_node_is_dropped_once():
    made = Floor()
    station = Station(None, "a", 1)
    made.add(station)
    assert made.drop(station)
    assert not made.drop(station)


def test_without_any_node_a_run_gives_up(monkeypatch):
    monkeypatch.setattr(floor, "PATIENCE_S", 0.0)
    with pytest.raises(EngineError, match="no node"):
        Floor().take()


def test_the_end_turns_away_who_waits():
    made = Floor()
    made.close()
    assert not made.add(Station(None, "late", 1))
    assert made.stations == []
    with pytest.raises(HarnessError, match="ending"):
        made.take()
