"""Did it get worse? A run against a baseline, for continuous integration.

Nothing passes that is not shown: a suite too small to tell is inconclusive, not a pass.
"""

from collections.abc import Mapping
from math import inf
from typing import Literal

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.score.baseline import Baseline
from arena.score.compare import Contender, contenders, require_comparable
from arena.score.cost import Ratio
from arena.score.difference import Difference, NotWorse
from arena.score.interval import ALPHA, one_sided_level
from arena.score.missing import MISSING_LIMIT, doubt
from arena.score.pair import Pair, pair
from arena.score.power import checked_margin
from arena.score.results import Results

COST_MARGIN = 0.15
EXIT_CODES: dict["Outcome", int] = {"pass": 0, "fail": 1, "inconclusive": 4, "unsound": 3}

Outcome = Literal["pass", "fail", "inconclusive", "unsound"]
"""`unsound`: faults, integrity violations or broken controls forbid a verdict on the run."""

SEVERITY: tuple[Outcome, ...] = ("unsound", "fail", "inconclusive", "pass")


class Check(Record):
    """One thing that was checked."""

    name: Literal["controls", "faults", "integrity", "pass_rate", "cost"]
    contestant: str | None
    """None where it concerns the run."""
    outcome: Outcome
    detail: str


class Gated(Record):
    """Numbers of one contestant: new less baseline, new over baseline."""

    contestant: str
    tasks: int
    difference: Difference | None
    not_worse: NotWorse | None
    cost_ratio: Ratio
    """Of costs per solved task, with its 95% interval."""
    cost_ratio_hi: float | None
    """One-sided 95% upper bound."""


class GateResult(Record):
    """The gate's verdict; `exit_code` is 0 pass, 1 regression, 3 unsound, 4 inconclusive. Bad
    input raises instead: exit code 2.
    """

    run: str
    baseline: str
    margin: float
    cost_margin: float
    max_faults: float
    outcome: Outcome
    exit_code: int
    headline: str
    checks: tuple[Check, ...]
    contestants: tuple[Gated, ...]
    notes: tuple[str, ...]


def gate(
    results: Results,
    baseline: Baseline,
    *,
    margin: float | None = None,
    cost_margin: float = COST_MARGIN,
    max_faults: float = MISSING_LIMIT,
    anyway: bool = False,
    level: Assurance | None = None,
) -> GateResult:
    """Gate a run against a baseline, contestant by contestant of the same name.

    Args:
        results: the new run.
        baseline: from `read_baseline`, or `baseline_of` another run.
        margin: loss of pass rate that is tolerated, within (0, 1); by default 10 points from
            100 tasks, else 20.
        cost_margin: tolerated growth of the cost per solved task, as a share.
        max_faults: share of planned trials that may lack a verdict.
        anyway: compare what is not comparable.
        level: assurance of the tasks; by default the strongest there is.

    Raises:
        InputError: nothing in common, or not comparable.
    """
    for flag, share in (("--cost-margin", cost_margin), ("--max-faults", max_faults)):
        if not 0 <= share < inf:
            raise InputError(f"{share} is no share", where=flag, remedy="give one, such as 0.15")
    new, old = contenders(results, level), baseline.contenders()
    controls = {c.name for c in results.manifest.contestants if c.control}
    pairs, notes = _line_up(new, old, controls, anyway=anyway)
    tasks = max(len(c.tally.tasks) for c in new.values())
    chosen = checked_margin(margin, tasks)
    checks = [*_control_checks(new, results)]
    gated = []
    for name, lined in pairs.items():
        numbers = _numbers(name, lined, chosen)
        gated.append(numbers)
        checks += [
            _faults(name, new[name], old[name], max_faults),
            _integrity(name, results),
            _pass_rate(numbers, chosen),
            _cost(numbers, lined, cost_margin),
        ]
    outcome = next(o for o in SEVERITY if o == "pass" or any(c.outcome == o for c in checks))
    return GateResult(
        run=results.manifest.name,
        baseline=baseline.conditions.run,
        margin=chosen,
        cost_margin=cost_margin,
        max_faults=max_faults,
        outcome=outcome,
        exit_code=EXIT_CODES[outcome],
        headline=_headline(outcome, checks),
        checks=tuple(checks),
        contestants=tuple(gated),
        notes=notes,
    )


def _line_up(
    new: Mapping[str, Contender],
    old: Mapping[str, Contender],
    controls: set[str],
    *,
    anyway: bool,
) -> tuple[dict[str, Pair], tuple[str, ...]]:
    lost = [name for name in old if name not in new]
    if lost:
        raise InputError(
            f"the run lacks contestants of the baseline: {', '.join(lost)}",
            remedy="run them too, or write a new baseline",
        )
    if not old:
        raise InputError("the baseline holds no contestant", remedy="write it again from a run")
    notes = [f"{n} is not in the baseline" for n in new if n not in old and n not in controls]
    pairs = {}
    for name, was in old.items():
        now = new[name]
        notes += [
            f"{name}: not comparable, compared all the same: {reason}"
            for reason in require_comparable(now, was, anyway=anyway)
        ]
        if now.tally.who.digest != was.tally.who.digest:
            notes.append(f"{name} is another contestant than in the baseline (its digest differs)")
        pairs[name] = pair(now.tally, was.tally)
    return pairs, tuple(notes)


def _control_checks(new: Mapping[str, Contender], results: Results) -> list[Check]:
    """The oracle must pass everything and nop nothing, where they were run."""
    checks = []
    for spec in results.manifest.contestants:
        if not spec.control:
            continue
        tally = new[spec.name].tally
        passed, scored = int(tally.passed.sum()), tally.scored_total
        wanted = scored if spec.agent == "oracle" else 0
        lacking = doubt(tally)
        checks.append(
            Check(
                name="controls",
                contestant=spec.name,
                outcome="unsound" if lacking or passed != wanted else "pass",
                detail=lacking or f"passed {passed} of {scored} trials, must be {wanted}",
            )
        )
    return checks


def _faults(name: str, new: Contender, old: Contender, limit: float) -> Check:
    reason = doubt(new.tally, limit) or doubt(old.tally, limit)
    planned, missing = new.tally.planned_total, new.tally.missing
    return Check(
        name="faults",
        contestant=name,
        outcome="unsound" if reason else "pass",
        detail=reason or f"{missing} of {planned} trials lack a verdict",
    )


def _integrity(name: str, results: Results) -> Check:
    trials = [t for t in results.of(name) if t.verdict == "integrity"]
    where = ", ".join(t.id for t in trials[:3])
    return Check(
        name="integrity",
        contestant=name,
        outcome="unsound" if trials else "pass",
        detail=f"{len(trials)} trials broke integrity" + (f": {where}" if where else ""),
    )


def _numbers(name: str, lined: Pair, margin: float) -> Gated:
    one_sided = lined.cost_per_solved_ratio(level=one_sided_level(ALPHA))
    return Gated(
        contestant=name,
        tasks=len(lined.tasks),
        difference=lined.difference(),
        not_worse=lined.not_worse(margin),
        cost_ratio=lined.cost_per_solved_ratio(),
        cost_ratio_hi=one_sided.ci.hi if one_sided.ci else None,
    )


def _pass_rate(numbers: Gated, margin: float) -> Check:
    difference, test = numbers.difference, numbers.not_worse
    outcome: Outcome = "inconclusive"
    if difference is None or test is None:
        detail = "no task is complete in both runs"
    else:
        lo, hi = difference.ci
        if hi < 0:
            outcome = "fail"
        elif test.lo > -margin:
            outcome = "pass"
        detail = (
            f"changed by {difference.estimate:+.3f} (95% {lo:+.3f} to {hi:+.3f}) on"
            f" {numbers.tasks} tasks; at least {test.lo:+.3f}, must be above {-margin:+.3f}"
        )
    return Check(name="pass_rate", contestant=numbers.contestant, outcome=outcome, detail=detail)


def _cost(numbers: Gated, lined: Pair, margin: float) -> Check:
    ratio, limit = numbers.cost_ratio, 1 + margin
    outcome: Outcome = "inconclusive"
    if lined.a.cost_usd is None and lined.b.cost_usd is None:
        outcome, detail = "pass", "neither run has a known cost: not gated"
    elif ratio.estimate is None or ratio.ci is None or numbers.cost_ratio_hi is None:
        detail = "the ratio of costs per solved task is not estimable"
    else:
        if ratio.ci.lo > limit:
            outcome = "fail"
        elif numbers.cost_ratio_hi < limit:
            outcome = "pass"
        detail = (
            f"cost per solved task is {ratio.estimate:.3f} of the baseline's (95%"
            f" {ratio.ci.lo:.3f} to {ratio.ci.hi:.3f}); at most"
            f" {numbers.cost_ratio_hi:.3f}, must be below {limit:.3f}"
        )
    return Check(name="cost", contestant=numbers.contestant, outcome=outcome, detail=detail)


def _headline(outcome: Outcome, checks: list[Check]) -> str:
    words = {
        "pass": "Pass: nothing is worse than the margins allow",
        "fail": "Regression",
        "inconclusive": "Inconclusive: neither a regression nor its absence is shown",
        "unsound": "No verdict: faults or integrity",
    }
    worst = [c for c in checks if c.outcome == outcome and outcome != "pass"]
    named = "; ".join(f"{c.contestant} {c.name}: {c.detail}" for c in worst[:3])
    return f"{words[outcome]}. {named}" if named else f"{words[outcome]}."
