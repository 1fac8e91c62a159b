"""Black-box tasks: the host feeds the program JSON lines and compares its answers itself.

The expected answers never enter the container, and no verdict comes out of it.
"""

import json

from pydantic import JsonValue

from arena.grading.findings import Findings
from arena.grading.job import Job
from arena.records import TestOutcome
from arena.records.container import WORKDIR
from arena.serialize import from_json
from arena.task.pack import black_box

_ENV = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1"}


def run(job: Job) -> Findings:
    """Grade a patched tree by what its program answers."""
    spec = black_box(job.task)
    root = f"{WORKDIR}/src" if any(path.startswith("src/") for path in job.tree()) else WORKDIR
    asked = "".join(json.dumps(case.input) + "\n" for case in spec.cases)
    result = job.run(spec.command, {**_ENV, "PYTHONPATH": root}, stdin=asked.encode())
    job.finish()
    answers = result.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n")
    doubts = []
    if len(answers) != len(spec.cases):
        doubts.append(f"{len(answers)} answers to {len(spec.cases)} questions")
    if result.exit_code != 0:
        doubts.append(f"the program ended with {result.exit_code}")
    if result.truncated_bytes:
        doubts.append("the program wrote too much")
    tests: dict[str, TestOutcome] = {
        case.id: _outcome(answer, case.output)
        for case, answer in zip(spec.cases, answers, strict=False)
    }
    return Findings(tests=tests, doubts=tuple(doubts))


def _outcome(answer: str, expected: JsonValue) -> TestOutcome:
    try:
        value: JsonValue = from_json(answer, parse_constant=_no_constant)
    except ValueError:
        return "error"
    return "passed" if same(value, expected) else "failed"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def same(one: JsonValue, other: JsonValue) -> bool:
    """Equality of JSON values: true is not 1, while 1 and 1.0 are the same number."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other
