"""What many attempts at tasks came to: how many ended alike, and what each of them took."""

from collections.abc import Iterable

from arena.records import Record


class Attempt(Record):
    """One thing of which a task was to be made."""

    task: str | None = None
    """Name in the pack; None where it was refused."""
    reason: str = ""
    """Why it was."""
    seconds: float = 0.0
    image_mb: int | None = None
    """Of the image that it stands on, with layers that others share; None where none was made."""


class YieldLine(Record):
    """How many came to the same end."""

    outcome: str
    """`kept`, or what is common to a reason."""
    count: int
    seconds_each: float
    mb_each: int | None
    """Mean over those that have an image."""


def yields(attempts: Iterable[Attempt]) -> tuple[YieldLine, ...]:
    """What was kept, and what was refused by reason, the most frequent first."""
    groups: dict[str, list[Attempt]] = {"kept": []}
    for one in attempts:
        groups.setdefault("kept" if one.task else common_part(one.reason), []).append(one)
    ordered = sorted(groups.items(), key=lambda group: (group[0] != "kept", -len(group[1])))
    return tuple(_line(outcome, members) for outcome, members in ordered)


def common_part(reason: str) -> str:
    """A reason without what is particular to one thing."""
    return reason.partition(":")[0].partition("(")[0].strip()


def _line(outcome: str, members: list[Attempt]) -> YieldLine:
    sizes = [one.image_mb for one in members if one.image_mb is not None]
    return YieldLine(
        outcome=outcome,
        count=len(members),
        seconds_each=round(sum(one.seconds for one in members) / max(len(members), 1), 1),
        mb_each=round(sum(sizes) / len(sizes)) if sizes else None,
    )
