import itertools

import pytest

from slotbook import BookingConflict, RoomCalendar, Span, board, clip, intersect, merge
from slotbook import parse_span, subtract, total


def test_touching_pair_becomes_one():
    assert merge([Span(540, 600), Span(600, 660)]) == [Span(540, 660)]


def test_touching_in_any_order():
    parts = [Span(0, 10), Span(10, 20), Span(20, 35), Span(40, 50)]
    for order in itertools.permutations(parts):
        assert merge(order) == [Span(0, 35), Span(40, 50)]


def test_one_minute_gap_stays():
    assert merge([Span(0, 10), Span(11, 20)]) == [Span(0, 10), Span(11, 20)]


def test_touching_after_a_nested_span():
    assert merge([Span(0, 60), Span(10, 20), Span(60, 90)]) == [Span(0, 90)]


def test_inner_span_does_not_shorten_the_outer():
    assert merge([Span(0, 60), Span(0, 20), Span(20, 30)]) == [Span(0, 60)]


def test_intersection_of_touching_spans_is_whole():
    assert intersect([Span(0, 10), Span(10, 20)], [Span(5, 15)]) == [Span(5, 15)]
    assert clip([Span(0, 10), Span(10, 20)], Span(5, 30)) == [Span(5, 20)]


def test_intersection_of_neighbours_is_nothing():
    assert intersect([Span(0, 10)], [Span(10, 20)]) == []


def test_subtract_leaves_whole_spans():
    assert subtract([Span(0, 10), Span(10, 30)], [Span(20, 25)]) == [Span(0, 20), Span(25, 30)]
    assert subtract([Span(0, 10)], [Span(10, 20)]) == [Span(0, 10)]


def test_total_of_touching_spans():
    assert total([Span(0, 10), Span(10, 20), Span(15, 20)]) == 20


def test_merge_accepts_an_iterator():
    assert merge(Span(n, n + 1) for n in range(5)) == [Span(0, 5)]


def test_merge_leaves_its_argument_alone():
    spans = [Span(10, 20), Span(0, 10)]
    merge(spans)
    assert spans == [Span(10, 20), Span(0, 10)]


def test_calendar_shows_one_block():
    room = RoomCalendar("Ada", opening=parse_span("08:00-18:00"))
    room.book(parse_span("10:00-11:00"), "review")
    room.book(parse_span("09:00-10:00"), "standup")
    assert room.busy() == [parse_span("09:00-11:00")]
    assert board(room) == "Ada: 20% booked\n  busy 09:00-11:00"
    assert len(room) == 2


def test_booking_directly_after_another_is_allowed():
    room = RoomCalendar("Ada")
    room.book(Span(60, 120), "one")
    room.book(Span(120, 180), "two")
    room.book(Span(0, 60), "zero")
    with pytest.raises(BookingConflict):
        room.book(Span(119, 121), "clash")
    assert room.busy() == [Span(0, 180)]


def test_free_time_between_blocks():
    room = RoomCalendar("Ada", opening=Span(0, 100))
    room.book(Span(0, 50), "one")
    room.book(Span(51, 100), "two")
    assert room.free() == [Span(50, 51)]
    assert room.first_free(1) == Span(50, 51)


def test_neighbours_do_not_overlap():
    assert not Span(0, 10).overlaps(Span(10, 20))
    assert not Span(10, 20).overlaps(Span(0, 10))
