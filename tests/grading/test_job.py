"""What is said of a report that cannot be read."""

import pytest

from arena.grading.command_runner import read_reports
from arena.grading.findings import ReportError
from arena.records import Entry, ExecResult


@pytest.mark.parametrize(
    "entry", [Entry(kind="symlink", data=b"/etc"), Entry(kind="file", too_large=True)]
)
def test_the_one_of_several_is_named(entry):
    class Box:
        def get(self, path, *, limit):
            return entry if path == "/repo/b.tap" else Entry(kind="file", data=b"1..1\nok 1 - a\n")

    ended = ExecResult(exit_code=0, wall_s=0.0)
    with pytest.raises(ReportError, match=r"at /repo/b\.tap"):
        read_reports(Box(), "tap", ["/repo/a.tap", "/repo/b.tap"], ["*.tap"], ended)
