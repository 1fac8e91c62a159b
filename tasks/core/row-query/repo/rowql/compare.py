"""Comparing two values."""

import operator
import re

from rowql.kinds import NUMBER, TEXT, kind

_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def equal(left, right):
    """Same type and same value."""
    return kind(left) == kind(right) and left == right


def compare(sign, left, right):
    """What a comparison of two values says."""
    if left is None or right is None:
        return False
    if sign == "=":
        return equal(left, right)
    if sign == "!=":
        return not equal(left, right)
    if kind(left) != kind(right) or kind(left) not in (NUMBER, TEXT):
        return False
    return _ORDER[sign](left, right)


def like(text, pattern):
    """Does the text fit the pattern?"""
    if kind(text) != TEXT or kind(pattern) != TEXT:
        return False
    parts = {"%": ".*", "_": "."}
    expression = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None
