"""What a look at a task found."""

from typing import Literal

from pydantic import Field

from arena.records import Record

Look = Literal[
    "oracle",  # the gold patch passes
    "nop",  # the untouched tree fails
    "stability",  # every test ends the same way each time, in any order
    "right",  # other correct fixes pass
    "wrong",  # plausible wrong ones do not
    "cheat",  # neither does a patch that only takes tests away
    "tree",  # the tree gives nothing away
    "statement",  # neither does the problem statement
    "image",  # nor the image: its history, its layers, its file system
    "cost",  # what one verification takes
]


class Finding(Record):
    """One thing that was looked at."""

    task_id: str
    look: Look
    ok: bool
    detail: str = ""
    seconds: float | None = None
    """The longest single verification."""
    peak_mb: float | None = None
    """The most memory a container held."""
    flaky: dict[str, str] = Field(default_factory=dict)
    """Ids of unstable tests and what was seen of each."""
