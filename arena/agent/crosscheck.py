"""What an agent says it used, against what the gateway metered. A large difference is flagged."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from arena.program import OwnReport
from arena.records import Flag
from arena.serialize import from_json

SHARE = Decimal("0.1")
"""Of what was metered that the agent's own count may differ by."""
LEAST_TOKENS = Decimal(500)
LEAST_USD = Decimal("0.01")
LARGEST = Decimal(10) ** 15
"""A larger number is no count."""


class Metered(NamedTuple):
    """What the gateway counted for a trial."""

    prompt_tokens: int
    output_tokens: int
    cost_usd: Decimal
    """0 where no price is known: then costs are not compared."""


def flags(report: OwnReport, told: str, metered: Metered) -> tuple[Flag, ...]:
    """Flags for counts that differ; none where the agent tells nothing.

    Args:
        report: where in its words the agent tells its counts.
        told: its output, or the file that it wrote.
        metered: what counts.
    """
    objects = list(_objects(told))
    compared = [
        ("{:.0f} prompt tokens", report.input_tokens, Decimal(metered[0]), LEAST_TOKENS),
        ("{:.0f} output tokens", report.output_tokens, Decimal(metered[1]), LEAST_TOKENS),
    ]
    if metered.cost_usd:
        compared.append(("{:.4f} USD", report.cost_usd, metered.cost_usd, LEAST_USD))
    return tuple(
        Flag(kind="own_report", detail=f"it counts {form.format(own)}, not {form.format(right)}")
        for form, paths, right, least in compared
        if (own := _last(objects, paths)) is not None
        and abs(own - right) > max(least, SHARE * right)
    )


def _objects(text: str) -> Iterator[object]:
    """JSON Lines from the last to the first, or the text as a whole."""
    for line in reversed([text, *text.splitlines()]):
        if line.lstrip().startswith("{"):
            try:
                yield from_json(line, parse_float=Decimal)
            except (ValueError, ArithmeticError):
                continue


def _last(told: Iterable[object], paths: Sequence[str]) -> Decimal | None:
    """The sum at the paths, in the last object that has any of them."""
    for one in told:
        found = [value for path in paths if (value := _at(one, path)) is not None]
        if found:
            return sum(found, Decimal(0))
    return None


def _at(value: object, path: str) -> Decimal | None:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if abs(number) < LARGEST else None
