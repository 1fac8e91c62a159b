"""What became of each thing that was to be imported."""

from pydantic import Field

from arena.records import Assurance, Record


class Imported(Record):
    """One instance or task directory."""

    instance_id: str
    task: str | None = None
    """Name in the pack; None where it could not be imported."""
    reason: str = ""
    """Why it could not."""
    assurance: Assurance | None = None
    disagrees: tuple[str, ...] = ()
    """What the suite says and running gold and nop did not show; those ids decide nothing."""
    seconds: float = 0.0


class NotImportableError(Exception):
    """Something that no task can be made of; the message is the reason."""


class Report(Record):
    """A whole import."""

    source: str
    tasks: tuple[Imported, ...] = ()
    refused: tuple[Imported, ...] = ()
    reasons: dict[str, int] = Field(default_factory=dict)
