"""Set operations on lists of spans.

Arguments may be in any order and may overlap; results are sorted, share no
minute and contain no empty spans.
"""

from slotbook.span import Span


def merge(spans):
    """The same minutes as `spans`, in as few spans as possible."""
    merged = []
    for item in sorted(spans):
        if item.empty:
            continue
        if merged and item.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.start, max(last.end, item.end))
        else:
            merged.append(item)
    return merged


def intersect(left, right):
    """Minutes that are in both lists."""
    found = []
    for a in merge(left):
        for b in merge(right):
            if a.overlaps(b):
                found.append(Span(max(a.start, b.start), min(a.end, b.end)))
    return merge(found)


def subtract(left, right):
    """Minutes of `left` that are not in `right`."""
    remaining = []
    holes = merge(right)
    for item in merge(left):
        cursor = item.start
        for hole in holes:
            if not item.overlaps(hole):
                continue
            if hole.start > cursor:
                remaining.append(Span(cursor, hole.start))
            cursor = max(cursor, hole.end)
        if cursor < item.end:
            remaining.append(Span(cursor, item.end))
    return remaining


def complement(spans, within):
    """Minutes of the span `within` that no span covers."""
    return subtract([within], spans)


def clip(spans, within):
    """The spans, each cut down to what lies inside `within`."""
    return intersect(spans, [within])


def total(spans):
    """How many minutes are covered, counting each minute once."""
    return sum(item.minutes for item in merge(spans))
