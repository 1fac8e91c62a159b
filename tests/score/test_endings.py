"""What ended a trial is of one kind, as reports count it."""

from dataclasses import replace

import pytest

from arena.records import Fault
from arena.records.outcome import KILLED, NO_CALL
from arena.report.scored import ENDINGS
from arena.score.load import load
from tests.report.cast import cast
from tests.report.make_run import make_run


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("run") / "r", tasks=1, attempts=1, actors=cast()[:1])
    return load(run).trials[0]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"stop": "seconds"}, "seconds"),
        ({"stop": "agent_error", "stop_detail": "exit code 7: it broke"}, "agent_error"),
        ({"stop": "agent_error", "stop_detail": f"{KILLED}9 (exit code 137): "}, "killed"),
        ({"stop": "agent_error", "stop_detail": NO_CALL}, "no_call"),
        ({"stop": "agent_error", "stop_detail": f"{NO_CALL} (exit code 1): no network"}, "no_call"),
        ({"stop": None, "fault": Fault(kind="uncertain", message="m")}, "uncertain_fault"),
        ({"stop": "submitted", "fault": Fault(kind="engine", message="m")}, "engine_fault"),
        ({"stop": None, "fault": None}, None),
    ],
)
def test_an_ending_is_of_one_kind(row, change, kind):
    ended = replace(row, **{"fault": None, **change}).ending
    assert ended == kind
    assert ended is None or ended in ENDINGS
