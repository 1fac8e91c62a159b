"""Runs a candidate's tests before and after its fix until it is known which of them show it."""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence

from arena.records import Record
from arena.task.mining.runner import ANYWHERE, LATE, MiningSession, SeenTest

BEFORE_RUNS = 3
AFTER_RUNS = 5
SLOW_S = 8.0
"""A suite that takes longer is not run as a whole eight times."""

_IMPORT = ("ImportError", "ModuleNotFoundError", "BuildError", "MissingModule", "MissingTest")
_ASSERTION = frozenset({"AssertionError", "Failed", "FailureException", "t.Fail"})
_MISSING = SeenTest(outcome="missing")

Run = Callable[[Sequence[str], str | None], MiningSession]
"""Runs the tests of places, all when none are named, in the order of a seed or of the files."""


class FellError(Exception):
    """A candidate that cannot become a task; the message is the reason."""


class Proof(Record):
    """Which tests show a fix, and which others must go on passing."""

    fail_to_pass: dict[str, str]
    """Id to why it fails before the fix: assertion, exception or import with the type, timeout."""
    pass_to_pass: tuple[str, ...]
    quarantined: dict[str, str]
    """Unstable tests and what was seen of them."""
    longest_s: float
    """The longest run after the fix."""
    files: tuple[str, ...] = ()
    """The test files that were run; all when empty."""


def prove(before: Run, after: Run, touched: Sequence[str]) -> Proof:
    """Tell apart what a fix mends, what it leaves whole, and what is unstable.

    Args:
        before: runs the tests on the tree without the fix.
        after: runs them with it.
        touched: places of the tests that came with the fix; they alone are run where all take
            long.

    Raises:
        FellError: no test shows the fix, or the tests cannot be run.
    """
    files: Sequence[str] = ()
    first = after(files, None)
    if first.ended == "timeout" or first.wall_s > SLOW_S:
        files = touched
        first = after(files, None)
    fixed = [_ended(first, "with the fix")]
    passing = list(filter(fixed[0].passed, fixed[0].tests))
    if not passing:
        raise FellError(_nothing_passes(fixed[0]))
    broken = [_ended(before(files, None), "without the fix", may_hang=True)]
    if not any(shows(name, broken[0]) for name in passing):
        raise FellError("no test changes its result")
    places = files or list(dict.fromkeys(_place(name) for name in passing))
    while len(fixed) < AFTER_RUNS:
        fixed.append(_ended(after(places, secrets.token_hex(4)), "with the fix, shuffled"))
    while len(broken) < BEFORE_RUNS:
        session = before(places, secrets.token_hex(4))
        broken.append(_ended(session, "without the fix, shuffled", may_hang=True))
    return _sorted_out(passing, broken, fixed).model_copy(update={"files": tuple(files)})


def _sorted_out(
    passing: Sequence[str], broken: Sequence[MiningSession], fixed: Sequence[MiningSession]
) -> Proof:
    mixed: dict[str, str] = {}
    showing: dict[str, str] = {}
    kept: list[str] = []
    for name in passing:
        before = [_outcome(name, session) for session in broken]
        after = [_outcome(name, session) for session in fixed]
        if len(set(after)) > 1 or len({one == "passed" for one in before}) > 1:
            mixed[name] = f"before: {_counted(before)}; after: {_counted(after)}"
        elif before[0] == "passed":
            kept.append(name)
        elif reason := shows(name, broken[0]):
            showing[name] = reason
    if not showing:
        raise FellError("every test that shows the fix is unstable" if mixed else "no stable test")
    return Proof(
        fail_to_pass=showing,
        pass_to_pass=tuple(kept),
        quarantined=mixed,
        longest_s=max(session.wall_s for session in fixed),
    )


def shows(name: str, before: MiningSession) -> str:
    """Why a test that passes with the fix fails without it; empty where that shows nothing."""
    seen = before.tests.get(name)
    uncollected = before.uncollected
    error = seen.error if seen else uncollected.get(_place(name), uncollected.get(ANYWHERE, ""))
    if not error or (seen and seen.outcome not in {"failed", "error"}):
        return ""
    if error == LATE:
        return "timeout"
    if error.startswith(_IMPORT):
        return f"import: {error}"
    return f"assertion: {error}" if error in _ASSERTION else f"exception: {error}"


def _ended(session: MiningSession, when: str, *, may_hang: bool = False) -> MiningSession:
    match session.ended:
        case "timeout" if not may_hang:
            raise FellError(f"the tests take too long {when}")
        case "not_applied":
            raise FellError(f"the fix does not apply: {session.detail}")
        case "broken":
            raise FellError(
                f"the tests cannot be run {when}: {' '.join(session.detail.split())[-160:]}"
            )
        case _:
            return session


def _nothing_passes(session: MiningSession) -> str:
    errors = Counter(session.uncollected.values())
    errors.update(seen.error for seen in session.tests.values() if seen.error)
    most = ", ".join(f"{count} {error}" for error, count in errors.most_common(3))
    said = " ".join(session.detail.split())[-160:]
    return f"no test passes with the fix ({most or 'none was found'}){': ' if said else ''}{said}"


def _outcome(name: str, session: MiningSession) -> str:
    return session.tests.get(name, _MISSING).outcome


def _counted(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(Counter(outcomes).items()))


def _place(name: str) -> str:
    return name.partition(":")[0]
