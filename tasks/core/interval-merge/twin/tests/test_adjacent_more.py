from slotbook import RoomCalendar, Span, merge, parse_span


def test_touching_pair_becomes_one():
    assert merge([Span(540, 600), Span(600, 660)]) == [Span(540, 661)]


def test_calendar_shows_one_block():
    room = RoomCalendar("Ada", opening=parse_span("08:00-18:00"))
    room.book(parse_span("10:00-11:00"), "review")
    room.book(parse_span("09:00-10:00"), "standup")
    assert room.busy() == [parse_span("09:00-10:30")]
