"""What a run of the tests claims, and the closed logic that makes a verdict of it.

Nothing here trusts a claim by itself: exit code, counts, the exact set of tests, canaries and
twins must all tell the same story, or the verdict is not `passed`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from pydantic import Field

from arena.records import Record, TestOutcome, TestPlan, Verdict


class Defences(Record):
    """Switches of the verifier. Neither configuration nor command line reaches them."""

    refuse: bool = True
    """Refuse patches that the policy calls dangerous."""
    strip: bool = True
    """Leave changes to tests and their configuration out."""
    isolated: bool = True
    """The runner is loaded whole before anything of the tree can be."""
    root_owned: bool = True
    """Hidden tests belong to root and are read-only."""
    trusted_config: bool = True
    """The runner reads our configuration, not the repository's."""
    canaries: bool = True
    """Tests made for this run, which must fail."""
    twins: bool = True
    """The task's own tests with wrong expectations, which must fail."""
    random_names: bool = True
    """Names of canaries, twins and reports are drawn anew for each run."""
    exit_code: bool = True
    """The exit code must say that some tests failed."""
    complete: bool = True
    """The report must hold each expected test exactly once, and its own counts must be right."""
    literal: bool = True
    """Only `passed` is passed: a skipped or expected failure is none."""
    kill_first: bool = True
    """The container is killed before anything is read from it."""
    second_look: bool = True
    """With `strict`, a pass must hold without the protected part of the patch, which alone must
    not pass."""


ALL_ON = Defences()


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
    selected: bool = True
    """The runner was told which tests to run, so that no others may be reported."""
    ids: dict[str, str] = Field(default_factory=dict)
    """Id in the report to the plan's, where they differ."""


_MISSING: TestOutcome = "missing"


def weigh(session: Session, read: Callable[[], Iterable[Reported]], defences: Defences) -> Findings:
    """Check one session's claims against each other.

    Args:
        session: what ran.
        read: gives its report, or raises `ReportError`.
        defences: which checks are made.
    """
    try:
        report = [(session.ids.get(test.id, test.id), test.outcome) for test in read()]
    except ReportError as error:
        gone, why = dict.fromkeys(session.expected, _MISSING), (str(error),)
        return Findings(tests=gone, doubts=why, refused=why)
    last = dict(report)
    expected, forged, doubts = session.expected, list[str](), list[str]()
    if defences.complete:
        doubts += _incomplete(session, Counter(name for name, _ in report))
    else:
        expected = tuple(name for name in expected if name in last)
    if defences.exit_code:
        required = 1 if session.must_fail else 0
        if session.exit_code == 0 and required:
            forged.append("the runner ended with 0 although some tests had to fail")
        elif session.exit_code != required:
            doubts.append(f"the runner ended with {session.exit_code}, not with {required}")
    return Findings(
        tests={name: last.get(name, _MISSING) for name in expected},
        must_fail={name: last.get(name, _MISSING) for name in session.must_fail},
        forged=tuple(forged),
        doubts=tuple(doubts),
    )


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


def decide(findings: Findings, plan: TestPlan, defences: Defences) -> tuple[Verdict, str]:
    """The verdict on a run, and why. Anything short of full agreement is not `passed`."""
    impossible = _named(findings.must_fail, {"passed"})
    if impossible:
        return "integrity", f"tests that must fail passed: {impossible}"
    fine = {"passed"} if defences.literal else {"passed", "skipped"}
    required = (*plan.fail_to_pass, *plan.pass_to_pass)
    absent: TestOutcome = _MISSING if defences.complete else "passed"
    outcomes = {name: findings.tests.get(name, absent) for name in required}
    red = _named(outcomes, {"passed", "failed", "error", "skipped", "missing"} - fine)
    if red:
        return "failed", "; ".join((f"not passed: {red}", *findings.refused[:3]))
    if findings.forged:
        return "integrity", "; ".join(findings.forged)
    if findings.doubts:
        return "failed", "; ".join(findings.doubts[:3])
    unsure = _named(findings.must_fail, {"skipped", "missing"})
    if unsure and defences.complete:
        return "failed", f"tests that must fail did not run: {unsure}"
    return "passed", ""


def _named(outcomes: Mapping[str, TestOutcome], which: set[str]) -> str:
    names = sorted(name for name, outcome in outcomes.items() if outcome in which)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"{name} ({outcomes[name]})" for name in names[:5]) + more
