"""Tasks whose own script grades them: its exit code, or the reward file that it leaves.

The weakest assurance there is: the script runs beside candidate code and as its user, so what it
says can be forged. Such tasks never share a pass rate with others.
"""

import math
from contextlib import suppress
from typing import Any

from arena.grading.findings import Findings
from arena.grading.job import REPORT_LIMIT, Job
from arena.records import Entry, File, TestOutcome
from arena.records.container import AGENT_UID, AGENT_USER
from arena.serialize import from_json

REWARD, EXIT = "reward", "exit"
"""The one id of such a task."""
LOGS = "/logs/verifier"
_KINDS = ("json", "txt")
_TESTS = "/tests"
VOLUMES = ("/logs", _TESTS)
"""Where such scripts look and write, beside the work tree."""
_ENV = {"HOME": "/tmp", "TEST_DIR": _TESTS, "DEBIAN_FRONTEND": "noninteractive"}  # noqa: S108


def run(job: Job) -> Findings:
    """Grade a patched tree with the task's script."""
    plan = job.task.tests
    hidden = job.hidden().items()
    job.lay([file.model_copy(update={"path": f"{_TESTS}/{path}"}) for path, file in hidden])
    job.sandbox.put([File(path=f"{LOGS}/.keep", data=b"")], owner=AGENT_UID)
    result = job.run(plan.command, _ENV, user=AGENT_USER)
    job.finish()
    if plan.fail_to_pass == (EXIT,):
        outcome: TestOutcome = "passed" if result.exit_code == 0 else "failed"
        return Findings(tests={EXIT: outcome})
    left = [job.sandbox.get(f"{LOGS}/reward.{kind}", limit=REPORT_LIMIT) for kind in _KINDS]
    reward = _reward(*left)
    if reward is None:
        return Findings(tests={REWARD: "missing"}, doubts=("the script left no reward",))
    return Findings(tests={REWARD: "passed" if reward == 1 else "failed"})


def _reward(as_json: Entry, as_text: Entry) -> float | None:
    """The reward: what the JSON object calls so, whatever else it tells; else what the text says;
    else, of several numbers under other names, the least, for every one must be full.
    """
    found: Any = None
    with suppress(ValueError):
        found = from_json(as_json.data)
    told = found if isinstance(found, dict) else {}
    if "reward" in told:
        values = [told["reward"]]
    else:
        values = [as_text.data] if as_text.kind == "file" else list(told.values())
    try:
        numbers = [float(value) for value in values]
    except (ValueError, TypeError, OverflowError):
        return None
    return min(numbers) if numbers and all(map(math.isfinite, numbers)) else None
