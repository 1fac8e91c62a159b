"""What an agent says it used, against what the gateway metered. A large difference is flagged."""

import json
from collections.abc import Iterable, Iterator, Sequence

from pydantic import JsonValue

from arena.program import OwnReport
from arena.protocols import Door, Sandbox
from arena.records import Flag

SHARE = 0.1
"""Of the metered tokens that the agent's own count may differ by."""
LEAST_TOKENS = 500
_LIMIT_BYTES = 4_000_000


def flags(report: OwnReport | None, sandbox: Sandbox, output: str, door: Door) -> tuple[Flag, ...]:
    """Flags for counts that differ; none where the agent tells nothing."""
    if report is None:
        return ()
    text = output
    if report.source == "file":
        text = sandbox.get(report.path, limit=_LIMIT_BYTES).data.decode("utf-8", "replace")
    told = list(_objects(text))
    pairs = (
        ("prompt", report.input_tokens, door.prompt_tokens),
        ("output", report.output_tokens, door.output_tokens),
    )
    return tuple(
        Flag(kind="own_report", detail=f"it counts {own} {what} tokens, metered were {metered}")
        for what, paths, metered in pairs
        if paths and (own := _last(told, paths)) is not None and _differs(own, metered)
    )


def _differs(own: int, metered: int) -> bool:
    return abs(own - metered) > max(LEAST_TOKENS, SHARE * metered)


def _objects(text: str) -> Iterator[JsonValue]:
    """JSON Lines from the last to the first, or the text as a whole."""
    for line in reversed([text, *text.splitlines()]):
        if line.lstrip().startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _last(told: Iterable[JsonValue], paths: Sequence[str]) -> int | None:
    """The sum at the paths, in the last object that has any of them."""
    for one in told:
        found = [value for path in paths if (value := _at(one, path)) is not None]
        if found:
            return sum(found)
    return None


def _at(value: JsonValue, path: str) -> int | None:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
