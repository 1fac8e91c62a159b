"""Splitting sums of money."""


def half(cents):
    """Half of a sum, rounded up to a whole cent.

    >>> half(7)
    4
    """
    return cents // 2


def shares(cents, people):
    """Equal shares that add up to the sum, the larger ones first."""
    return [cents // people] * people


def text(cents):
    """The sum as people write it."""
    return f"{cents // 100}.{cents % 100:02d}"
