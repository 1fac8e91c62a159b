"""Arena: which model backend should do our coding work, and what does it cost?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from arena.report.interchange import Run

__version__ = "0.1.0"


def load(run: "Path | str") -> "Run":
    """Read a run directory into tidy tables: `trials`, `calls`, `tests`, `contestants`.

    It is an `InputError` where there is no run, or its manifest or ledger is broken.
    """
    from arena.report import interchange

    return interchange.load(run)
