"""Tariffs and how to read them."""

from dataclasses import dataclass


class TariffError(ValueError):
    """A tariff that cannot be read."""


@dataclass(frozen=True)
class Tariff:
    """Prices in cents, weights in grams."""

    name: str
    base: int
    step: int
    step_price: int
    limit: int


_FIELDS = {"name": 1, "base": 1, "step": 2, "limit": 1}


def parse(text: str) -> Tariff:
    """Read a tariff from text with one entry a line; empty lines and lines with # are skipped."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key, *values = words
        if key in found or len(values) != _FIELDS.get(key):
            raise TariffError(f"line {number}: cannot read {line.strip()!r}")
        found[key] = values
    missing = [key for key in _FIELDS if key not in found]
    if missing:
        raise TariffError(f"not given: {', '.join(missing)}")
    return Tariff(
        name=found["name"][0],
        base=_number(found["base"][0]),
        step=_number(found["step"][0]),
        step_price=_number(found["step"][1]),
        limit=_number(found["limit"][0]),
    )


def _number(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise TariffError(f"not a positive number: {text!r}")
    return int(text)
