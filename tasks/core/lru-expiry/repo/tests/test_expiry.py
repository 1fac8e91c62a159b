from hotcache.entry import Entry
from hotcache.expiry import ExpiryQueue


def test_due_in_order():
    queue = ExpiryQueue()
    queue.issue("late", Entry(None, 9.0, 1))
    queue.issue("soon", Entry(None, 3.0, 2))
    assert [ticket.key for ticket in queue.due(5.0)] == ["soon"]
    assert len(queue) == 1


def test_due_includes_the_moment_itself():
    queue = ExpiryQueue()
    queue.issue("a", Entry(None, 3.0, 1))
    assert [ticket.key for ticket in queue.due(3.0)] == ["a"]
