"""Did it get worse? A run against a baseline or the nights before it, for continuous integration.

Red is what is shown: all checks of a night together are red for nothing at most `NIGHT_ALPHA` of
the time, while attempts at a task are exchangeable. A night that cannot tell is inconclusive, which
fails a job only where evidence is required.
"""

from collections.abc import Mapping, Sequence
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
NIGHT_ALPHA = 0.007
"""Chance that a night is red for nothing, all contestants and checks together. With an alarm a year
(`arena.score.trend`) it stays below one night in a hundred."""
NO_NIGHT = "no earlier night can be compared with this one"
NOT_GATED = "neither run has a known cost: not gated"

Outcome = Literal["pass", "fail", "inconclusive", "unsound"]
"""`unsound`: faults, integrity violations or broken controls forbid a verdict on the run."""

EXIT_CODES: dict[Outcome, int] = {"unsound": 3, "fail": 1, "inconclusive": 4, "pass": 0}
"""The worst first: one of them decides. An inconclusive night is 4 where evidence is required."""
_HEADLINES: dict[Outcome, str] = {
    "pass": "Pass: nothing is worse than the margins allow",
    "fail": "Regression",
    "inconclusive": "Inconclusive: neither a regression nor its absence is shown",
    "unsound": "No verdict: faults or integrity",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    name: Literal["controls", "faults", "integrity", "pass_rate", "cost", "series"]
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
    loss_p: float | None
    """Exact one-sided p of so few passes, had the tasks' chances stayed the same."""
    not_worse: NotWorse | None
    cost_ratio: Ratio
    """Of costs per attempt at the same tasks, with its 95% interval."""
    cost_ratio_lo: float | None
    """One-sided lower bound at the level of one check of the night."""
    cost_ratio_hi: float | None
    """One-sided 95% upper bound."""


class GateResult(Record):
    """The gate's verdict; `exit_code` is 0 nothing shown worse, 1 regression, 3 unsound, 4
    inconclusive where evidence is required. Bad input raises instead: exit code 2.
    """

    run: str
    baseline: str
    margin: float
    cost_margin: float
    max_faults: float
    check_alpha: float
    """Chance that one check is red for nothing."""
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
    max_faults: float | None = None,
    anyway: bool = False,
    level: Assurance | None = None,
    require_evidence: bool = False,
    notes: Sequence[str] = (),
) -> GateResult:
    """Gate a run against a baseline, contestant by contestant of the same name, and each
    assurance level on its own: tasks that are graded differently are never in one rate.

    Args:
        results: the new run.
        baseline: from `read_baseline`, `baseline_of` another run, or `series_of` earlier nights.
        margin: loss of pass rate that is tolerated, within (0, 1); by default 10 points from
            100 tasks, else 20.
        cost_margin: tolerated growth of the cost of the same tasks, as a share.
        max_faults: share of planned trials that may lack a verdict; by default 2%, or one trial.
        anyway: compare what is not comparable.
        level: gate the tasks of this level alone; by default all.
        require_evidence: an inconclusive night fails.
        notes: what to say beside, such as which nights are in no series.

    Raises:
        InputError: nothing in common, or not comparable; or the run is a race.
    """
    lacking = _allowed(max_faults, results)
    _check_shares(cost_margin, lacking)
    both, skipped = _by_level(results, baseline, level)
    notes = [*notes, *skipped]
    most = max(len(scoring_tasks(results.manifest, one)) for one in both)
    chosen = checked_margin(margin, most)
    checks: list[Check] = []
    lined: list[tuple[Assurance, str, Pair]] = []
    for one, (new, old) in both.items():
        pairs, more = _line_up(new, old, results, lacking, anyway=anyway)
        notes += [note for note in more if note not in notes]
        checks += _control_checks(new, results, one)
        judged = pairs or [c.name for c in results.manifest.contestants if not c.control]
        checks += [_faults(name, one, new[name], old.get(name), lacking) for name in judged]
        if not pairs:
            checks.append(Check("series", "all", one, "inconclusive", NO_NIGHT))
        lined += [(one, name, both_of) for name, both_of in pairs.items()]
    alpha = NIGHT_ALPHA / max(1, 2 * len(lined))
    gated = []
    for one, name, both_of in lined:
        numbers = _numbers(name, one, both_of, chosen, alpha)
        gated.append(numbers)
        checks += [
            _pass_rate(numbers, both_of, chosen, alpha),
            _cost(numbers, both_of, cost_margin),
        ]
    names = dict.fromkeys(check.contestant for check in checks if check.name == "faults")
    checks += [_integrity(name, results) for name in names]
    settings = (baseline.levels[0].conditions.run, chosen, cost_margin, lacking, alpha)
    return _result(results, settings, checks, gated, notes, require_evidence=require_evidence)


def _result(
    results: Results,
    settings: tuple[str, float, float, float, float],
    checks: list[Check],
    gated: list[Gated],
    notes: Sequence[str],
    *,
    require_evidence: bool,
) -> GateResult:
    against, margin, cost_margin, max_faults, alpha = settings
    outcome = next(o for o in EXIT_CODES if o == "pass" or any(c.outcome == o for c in checks))
    tolerated = outcome == "inconclusive" and not require_evidence
    return GateResult(
        run=results.manifest.name,
        baseline=against,
        margin=margin,
        cost_margin=cost_margin,
        max_faults=max_faults,
        check_alpha=alpha,
        outcome=outcome,
        exit_code=0 if tolerated else EXIT_CODES[outcome],
        headline=_headline(outcome, checks),
        checks=tuple(checks),
        contestants=tuple(gated),
        notes=tuple(notes),
    )


def _check_shares(cost_margin: float, max_faults: float) -> None:
    for flag, share in (("--cost-margin", cost_margin), ("--max-faults", max_faults)):
        if not 0 <= share < inf:
            raise InputError(f"{share} is no share", where=flag, remedy="give one, such as 0.15")


def _allowed(max_faults: float | None, results: Results) -> float:
    """Share that may be missing: of a contestant with few trials, one is more than 2%."""
    if max_faults is not None:
        return max_faults
    planned = [len(results.of(spec.name)) for spec in results.manifest.contestants]
    return max(MISSING_LIMIT, 1 / max(1, min(planned, default=1)))


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
    controls = {c.name for c in results.manifest.contestants if c.control}
    fresh = [name for name in new if old and name not in {*old, *controls}]
    notes = [f"{name} is not in the baseline" for name in fresh]
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


def _faults(
    name: str, level: Assurance, new: Contender, old: Contender | None, limit: float
) -> Check:
    reason = doubt(new.tally, limit)
    if reason is None and old and (before := doubt(old.tally, limit)):
        reason = f"in the baseline {before}"
    gone = new.tally.missing
    detail = reason or f"{gone.missing} of {gone.planned} trials lack a verdict"
    return Check("faults", name, level, "unsound" if reason else "pass", detail)


def _integrity(name: str, results: Results) -> Check:
    trials = [t.id for t in results.of(name) if t.verdict == "integrity"]
    where = f": {', '.join(trials[:3])}" if trials else ""
    detail = f"{len(trials)} trials broke integrity{where}"
    return Check("integrity", name, None, "unsound" if trials else "pass", detail)


def _numbers(name: str, level: Assurance, lined: Pair, margin: float, alpha: float) -> Gated:
    least, most = (
        lined.cost_per_attempt_ratio(level=one_sided_level(error)) for error in (alpha, ALPHA)
    )
    return Gated(
        contestant=name,
        level=level,
        tasks=len(lined.tasks),
        difference=lined.difference(),
        loss_p=lined.loss_p(),
        not_worse=lined.not_worse(margin),
        cost_ratio=lined.cost_per_attempt_ratio(),
        cost_ratio_lo=least.ci.lo if least.ci else None,
        cost_ratio_hi=most.ci.hi if most.ci else None,
    )


def _pass_rate(numbers: Gated, lined: Pair, margin: float, alpha: float) -> Check:
    difference, test, p = numbers.difference, numbers.not_worse, numbers.loss_p
    outcome: Outcome = "inconclusive"
    if difference is None or test is None or p is None:
        detail = "no task is complete in both runs"
    else:
        lo, hi = difference.ci
        if p <= alpha:
            outcome = "fail"
        elif test.lo > -margin:
            outcome = "pass"
        detail = (
            f"changed by {difference.estimate:+.3f} (95% {lo:+.3f} to {hi:+.3f}) on"
            f" {numbers.tasks} tasks; at least {test.lo:+.3f}, shown above {-margin:+.3f}"
            f" {'holds' if outcome == 'pass' else 'does not hold'}; p of so few {p:.2g}, red at"
            f" {alpha:.2g}"
        )
    return _decided("pass_rate", numbers, lined, outcome, detail)


def _cost(numbers: Gated, lined: Pair, margin: float) -> Check:
    ratio, limit, least = numbers.cost_ratio, 1 + margin, numbers.cost_ratio_lo
    outcome: Outcome = "inconclusive"
    if lined.a.cost_usd is None and lined.b.cost_usd is None:
        outcome, detail = "pass", NOT_GATED
    elif lined.bases_differ:
        detail = f"costs count different things: {lined.a.basis} now, {lined.b.basis} before"
    elif least is None or ratio.ci is None or numbers.cost_ratio_hi is None:
        detail = "the ratio of costs is not estimable"
    else:
        if least > limit:
            outcome = "fail"
        elif numbers.cost_ratio_hi < limit:
            outcome = "pass"
        detail = (
            f"the same tasks cost {ratio.estimate:.3f} times as much (95% {ratio.ci.lo:.3f} to"
            f" {ratio.ci.hi:.3f}); red where shown above {limit:.3f}, now at least {least:.3f}"
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
