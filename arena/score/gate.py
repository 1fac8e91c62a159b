"""Did it get worse? A run against a baseline, for continuous integration.

Nothing passes that is not shown: a suite too small to tell is inconclusive, not a pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.registry import is_given_gold
from arena.score.baseline import Baseline, refuse_race
from arena.score.pairs import Contender, Pair, contenders, pair, require_comparable
from arena.score.results import Results
from arena.score.tally import LEVELS, MISSING_LIMIT, doubt, levels, scoring_tasks
from arena.stats.intervals import ALPHA, Ratio, one_sided_level
from arena.stats.paired import Difference, NotWorse
from arena.stats.power import checked_margin

COST_MARGIN = 0.15
NOT_GATED = "neither run has a known cost: not gated"

Outcome = Literal["pass", "fail", "inconclusive", "unsound"]
"""`unsound`: faults, integrity violations or broken controls forbid a verdict on the run."""

EXIT_CODES: dict[Outcome, int] = {"unsound": 3, "fail": 1, "inconclusive": 4, "pass": 0}
"""The worst first: one of them decides."""
_HEADLINES: dict[Outcome, str] = {
    "pass": "Pass: nothing is worse than the margins allow",
    "fail": "Regression",
    "inconclusive": "Inconclusive: neither a regression nor its absence is shown",
    "unsound": "No verdict: faults or integrity",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    name: Literal["controls", "faults", "integrity", "pass_rate", "cost"]
    contestant: str
    level: Assurance | None
    """Whose tasks it is about; None where it is about all."""
    outcome: Outcome
    detail: str


class Gated(Record):
    """Numbers of one contestant: new less baseline, new over baseline."""

    contestant: str
    level: Assurance
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
    """Gate a run against a baseline, contestant by contestant of the same name, and each
    assurance level on its own: tasks that are graded differently are never in one rate.

    Args:
        results: the new run.
        baseline: from `read_baseline`, or `baseline_of` another run.
        margin: loss of pass rate that is tolerated, within (0, 1); by default 10 points from
            100 tasks, else 20.
        cost_margin: tolerated growth of the cost per solved task, as a share.
        max_faults: share of planned trials that may lack a verdict.
        anyway: compare what is not comparable.
        level: gate the tasks of this level alone; by default all.

    Raises:
        InputError: nothing in common, or not comparable; or the run is a race.
    """
    for flag, share in (("--cost-margin", cost_margin), ("--max-faults", max_faults)):
        if not 0 <= share < inf:
            raise InputError(f"{share} is no share", where=flag, remedy="give one, such as 0.15")
    both, notes = _by_level(results, baseline, level)
    most = max(len(scoring_tasks(results.manifest, one)) for one in both)
    chosen = checked_margin(margin, most)
    checks, gated = [], []
    for one, (new, old) in both.items():
        pairs, more = _line_up(new, old, results, max_faults, anyway=anyway)
        notes += [note for note in more if note not in notes]
        checks += _control_checks(new, results, one)
        for name, lined in pairs.items():
            numbers = _numbers(name, one, lined, chosen)
            gated.append(numbers)
            checks += [
                _faults(name, one, new[name], old[name], max_faults),
                _pass_rate(numbers, lined, chosen),
                _cost(numbers, lined, cost_margin),
            ]
    checks += [_integrity(name, results) for name in dict.fromkeys(g.contestant for g in gated)]
    outcome = next(o for o in EXIT_CODES if o == "pass" or any(c.outcome == o for c in checks))
    return GateResult(
        run=results.manifest.name,
        baseline=baseline.levels[0].conditions.run,
        margin=chosen,
        cost_margin=cost_margin,
        max_faults=max_faults,
        outcome=outcome,
        exit_code=EXIT_CODES[outcome],
        headline=_headline(outcome, checks),
        checks=tuple(checks),
        contestants=tuple(gated),
        notes=tuple(notes),
    )


def _by_level(
    results: Results, baseline: Baseline, level: Assurance | None
) -> tuple[dict[Assurance, tuple[dict[str, Contender], dict[str, Contender]]], list[str]]:
    """Contestants of the run and of the baseline, level by level, and what is left out."""
    refuse_race(results)
    here = levels(results.manifest)
    there = tuple(part.conditions.scope.level for part in baseline.levels)
    every = [one for one in LEVELS if one in {*here, *there}]
    used = [one for one in every if level in {None, one}]
    if not used:
        raise InputError(f"no task has assurance {level}", remedy=f"choose from {', '.join(every)}")
    for one in used:
        for where, present in (("the run", here), ("the baseline", there)):
            if one not in present:
                raise InputError(
                    f"not comparable: no task is graded {one}",
                    where=where,
                    remedy="choose a level of both with --assurance, or write a new baseline",
                )
    both = {one: (contenders(results, one), baseline.contenders(one)) for one in used}
    return both, [f"tasks graded {one} are not gated" for one in every if one not in used]


def _line_up(
    new: Mapping[str, Contender],
    old: Mapping[str, Contender],
    results: Results,
    max_faults: float,
    *,
    anyway: bool,
) -> tuple[dict[str, Pair], list[str]]:
    if lost := [name for name in old if name not in new]:
        raise InputError(
            f"the run lacks contestants of the baseline: {', '.join(lost)}",
            remedy="run them too, or write a new baseline",
        )
    if not old:
        raise InputError("the baseline holds no contestant", remedy="write it again from a run")
    controls = {c.name for c in results.manifest.contestants if c.control}
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
        pairs[name] = pair(now.tally, was.tally, limit=max_faults)
    return pairs, notes


def _control_checks(
    new: Mapping[str, Contender], results: Results, level: Assurance
) -> list[Check]:
    """A control that is given the fix must pass everything, any other nothing."""
    checks = []
    for spec in results.manifest.contestants:
        if spec.control:
            tally = new[spec.name].tally
            passed, scored = int(tally.passed.sum()), tally.scored_total
            wanted = scored if is_given_gold(spec.agent) else 0
            lacking = doubt(tally)
            outcome: Outcome = "unsound" if lacking or passed != wanted else "pass"
            detail = lacking or f"passed {passed} of {scored} trials, must be {wanted}"
            checks.append(Check("controls", spec.name, level, outcome, detail))
    return checks


def _faults(name: str, level: Assurance, new: Contender, old: Contender, limit: float) -> Check:
    reason = doubt(new.tally, limit)
    if reason is None and (before := doubt(old.tally, limit)):
        reason = f"in the baseline {before}"
    gone = new.tally.missing
    detail = reason or f"{gone.missing} of {gone.planned} trials lack a verdict"
    return Check("faults", name, level, "unsound" if reason else "pass", detail)


def _integrity(name: str, results: Results) -> Check:
    trials = [t.id for t in results.of(name) if t.verdict == "integrity"]
    where = f": {', '.join(trials[:3])}" if trials else ""
    detail = f"{len(trials)} trials broke integrity{where}"
    return Check("integrity", name, None, "unsound" if trials else "pass", detail)


def _numbers(name: str, level: Assurance, lined: Pair, margin: float) -> Gated:
    one_sided = lined.cost_per_solved_ratio(level=one_sided_level(ALPHA))
    return Gated(
        contestant=name,
        level=level,
        tasks=len(lined.tasks),
        difference=lined.difference(),
        not_worse=lined.not_worse(margin),
        cost_ratio=lined.cost_per_solved_ratio(),
        cost_ratio_hi=one_sided.ci.hi if one_sided.ci else None,
    )


def _pass_rate(numbers: Gated, lined: Pair, margin: float) -> Check:
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
    return _decided("pass_rate", numbers, lined, outcome, detail)


def _cost(numbers: Gated, lined: Pair, margin: float) -> Check:
    ratio, limit = numbers.cost_ratio, 1 + margin
    outcome: Outcome = "inconclusive"
    if lined.a.cost_usd is None and lined.b.cost_usd is None:
        outcome, detail = "pass", NOT_GATED
    elif lined.bases_differ:
        detail = f"costs count different things: {lined.a.basis} now, {lined.b.basis} before"
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
    return _decided("cost", numbers, lined, outcome, detail)


def _decided(
    name: Literal["pass_rate", "cost"], numbers: Gated, lined: Pair, outcome: Outcome, detail: str
) -> Check:
    """The check; what too many missing trials make doubtful decides nothing."""
    if lined.doubt is not None:
        outcome, detail = "inconclusive", f"{lined.doubt}; {detail}"
    return Check(name, numbers.contestant, numbers.level, outcome, detail)


def _headline(outcome: Outcome, checks: list[Check]) -> str:
    causes = [c for c in checks if c.outcome == outcome and outcome != "pass"]
    causes = causes or [c for c in checks if c.detail == NOT_GATED]
    named = "; ".join(f"{c.contestant} {c.name}: {c.detail}" for c in causes[:3])
    return f"{_HEADLINES[outcome]}. {named}" if named else f"{_HEADLINES[outcome]}."
