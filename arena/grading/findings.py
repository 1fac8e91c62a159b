"""What a run of the tests claims, and the closed logic that makes a verdict of it.

Nothing here trusts a claim by itself: exit code, counts, the exact set of tests, canaries and
twins must all tell the same story, or the verdict is not `passed`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from pydantic import Field

from arena.records import Record, TestOutcome, TestPlan, Verdict

_MISSING: TestOutcome = "missing"
_FINE = frozenset({"passed"})
"""Only `passed` is passed: a skipped or expected failure is none."""


class Findings(Record):
    """Claims about one run, before anybody believes them."""

    tests: dict[str, TestOutcome] = Field(default_factory=dict)
    """Outcome of every test that must pass."""
    must_fail: dict[str, TestOutcome] = Field(default_factory=dict)
    """Outcome of every canary and twin."""
    forged: tuple[str, ...] = ()
    """Claims that no honest run can make."""
    doubts: tuple[str, ...] = ()
    """What is missing, malformed or contradictory."""
    refused: tuple[str, ...] = ()
    """Why there is no report, or none that can be believed."""


class Reported(Record):
    """One test in a report."""

    id: str
    outcome: TestOutcome


class ReportError(ValueError):
    """A report that cannot be believed."""


class Session(Record):
    """One process that ran tests and reported on them."""

    expected: tuple[str, ...]
    """Ids that must pass."""
    must_fail: tuple[str, ...] = ()
    exit_code: int | None
    exit_code_tells: bool = True
    """It says whether any of these tests failed."""
    selected: bool = True
    """The runner was told which tests to run, so that no others may be reported."""
    ids: dict[str, str] = Field(default_factory=dict)
    """Id in the report to the plan's, where they differ."""


def weigh(session: Session, read: Callable[[], Iterable[Reported]]) -> Findings:
    """Check a session's claims against each other; `read` gives them, or raises `ReportError`."""
    try:
        report = [(session.ids.get(test.id, test.id), test.outcome) for test in read()]
    except ReportError as error:
        gone, why = dict.fromkeys(session.expected, _MISSING), (str(error),)
        return Findings(tests=gone, doubts=why, refused=why)
    last = dict(report)
    forged, doubts = _told_by_exit(session)
    return Findings(
        tests={name: last.get(name, _MISSING) for name in session.expected},
        must_fail={name: last.get(name, _MISSING) for name in session.must_fail},
        forged=forged,
        doubts=(*_incomplete(session, Counter(name for name, _ in report)), *doubts),
    )


def _told_by_exit(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is forged, and what is doubtful, by the exit code: it must say that some failed."""
    required = 1 if session.must_fail else 0
    if not session.exit_code_tells or session.exit_code == required:
        return (), ()
    if session.exit_code == 0:
        return ("the runner ended with 0 although some tests had to fail",), ()
    return (), (f"the runner ended with {session.exit_code}, not with {required}",)


def _incomplete(session: Session, counts: Mapping[str, int]) -> list[str]:
    wanted = {*session.expected, *session.must_fail}
    doubts = [f"{name!r} is not in the report" for name in sorted(wanted - set(counts))]
    doubts += [
        f"{name!r} is reported {n} times"
        for name, n in counts.items()
        if n > 1 and (session.selected or name in wanted)
    ]
    if session.selected:
        doubts += [f"{name!r} was not asked for" for name in sorted(set(counts) - wanted)]
    return doubts


def merge(parts: Sequence[Findings]) -> Findings:
    """Findings of several processes as one."""
    return Findings(
        tests={name: outcome for part in parts for name, outcome in part.tests.items()},
        must_fail={name: outcome for part in parts for name, outcome in part.must_fail.items()},
        forged=tuple(claim for part in parts for claim in part.forged),
        doubts=tuple(doubt for part in parts for doubt in part.doubts),
        refused=tuple(why for part in parts for why in part.refused),
    )


def decide(findings: Findings, plan: TestPlan) -> tuple[Verdict, str]:
    """The verdict on a run, and why. Anything short of full agreement is not `passed`."""
    impossible = _named(findings.must_fail, {"passed"})
    if impossible:
        return "integrity", f"tests that must fail passed: {impossible}"
    required = (*plan.fail_to_pass, *plan.pass_to_pass)
    outcomes = {name: findings.tests.get(name, _MISSING) for name in required}
    red = _named(outcomes, {"passed", "failed", "error", "skipped", "missing"} - _FINE)
    if red:
        return "failed", "; ".join((f"not passed: {red}", *findings.refused[:3]))
    if findings.forged:
        return "integrity", "; ".join(findings.forged)
    if findings.doubts:
        return "failed", "; ".join(findings.doubts[:3])
    unsure = _named(findings.must_fail, {"skipped", "missing"})
    if unsure:
        return "failed", f"tests that must fail did not run: {unsure}"
    return "passed", ""


def _named(outcomes: Mapping[str, TestOutcome], which: set[str]) -> str:
    names = sorted(name for name, outcome in outcomes.items() if outcome in which)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"{name} ({outcomes[name]})" for name in names[:5]) + more
