import pytest

from slotbook import Span, clip, complement, intersect, merge, subtract, total


def test_merge_overlapping():
    assert merge([Span(10, 30), Span(20, 40)]) == [Span(10, 40)]


def test_merge_keeps_gaps():
    assert merge([Span(50, 60), Span(10, 20)]) == [Span(10, 20), Span(50, 60)]


def test_merge_nested():
    assert merge([Span(0, 100), Span(20, 30)]) == [Span(0, 100)]


def test_merge_ignores_empty():
    assert merge([Span(5, 5)]) == []


def test_intersect():
    assert intersect([Span(0, 10), Span(20, 30)], [Span(5, 25)]) == [Span(5, 10), Span(20, 25)]


def test_subtract_makes_a_hole():
    assert subtract([Span(0, 100)], [Span(40, 60)]) == [Span(0, 40), Span(60, 100)]


def test_subtract_everything():
    assert subtract([Span(10, 20)], [Span(0, 50)]) == []


def test_complement_and_clip():
    day = Span(0, 100)
    assert complement([Span(90, 120)], day) == [Span(0, 90)]
    assert clip([Span(90, 120)], day) == [Span(90, 100)]


def test_total_counts_once():
    assert total([Span(0, 10), Span(5, 20)]) == 20


def test_span_must_not_run_backwards():
    with pytest.raises(ValueError):
        Span(10, 5)
