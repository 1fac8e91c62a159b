import pytest

from slotbook import BookingConflict, RoomCalendar, Span, board, format_span, parse_span


@pytest.fixture
def room():
    return RoomCalendar("Ada", opening=parse_span("08:00-18:00"))


def test_booking_takes_time(room):
    room.book(parse_span("09:00-10:00"), "standup")
    assert room.busy() == [parse_span("09:00-10:00")]


def test_conflict(room):
    room.book(parse_span("09:00-10:00"), "standup")
    with pytest.raises(BookingConflict):
        room.book(parse_span("09:59-10:30"), "review")


def test_closed_room(room):
    with pytest.raises(ValueError):
        room.book(parse_span("07:30-09:00"), "early")


def test_free(room):
    room.book(parse_span("09:00-10:00"), "standup")
    assert [format_span(s) for s in room.free()] == ["08:00-09:00", "10:00-18:00"]


def test_first_free(room):
    room.book(parse_span("08:30-10:00"), "standup")
    assert room.first_free(45) == parse_span("10:00-10:45")
    assert room.first_free(30) == parse_span("08:00-08:30")
    assert room.first_free(1000) is None


def test_cancel(room):
    booking = room.book(parse_span("09:00-10:00"), "standup")
    room.cancel(booking)
    assert len(room) == 0
    assert room.free() == [Span(480, 1080)]


def test_board(room):
    room.book(parse_span("09:00-12:00"), "workshop")
    assert board(room) == "Ada: 30% booked\n  busy 09:00-12:00"
