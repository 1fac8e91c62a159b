"""Dividing an amount of money."""

from decimal import Decimal


def allocate(total, weights):
    """The amount in parts that are proportional to the weights.

    Weights are non-negative numbers (int or Decimal), not all zero.
    """
    weights = [Decimal(weight) for weight in weights]
    whole = sum(weights)
    if not weights or whole == 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and not all zero")
    return [total.times(weight / whole) for weight in weights]


def split(total, parts):
    """The amount in so many equal parts."""
    if parts < 1:
        raise ValueError("there must be at least one part")
    return [total.times(Decimal(1) / parts) for _ in range(parts)]
