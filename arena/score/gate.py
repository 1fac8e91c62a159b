"""Did it get worse? A run against a baseline or the nights before it, for continuous integration.

Red is what is shown: all checks of a night together are red for nothing at most `NIGHT_ALPHA` of
the time, while attempts at a task are exchangeable. A night that cannot tell is inconclusive, which
fails a job only where evidence is required.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.registry import is_given_gold
from arena.score.baseline import Baseline, refuse_race
from arena.score.pairs import Contender, Pair, contenders, pair, require_comparable, some
from arena.score.results import Results
from arena.score.tally import LEVELS, MISSING_LIMIT, doubt, levels, scoring_tasks
from arena.stats.intervals import ALPHA, Ratio
from arena.stats.paired import Difference, NotWorse, checked_margin

COST_MARGIN = 0.15
NIGHT_ALPHA = 0.007
"""Chance that a night is red for nothing; with an alarm a year it stays below one in a hundred."""
NO_NIGHT = "no earlier night can be compared with this one"
NOT_GATED = "neither run has a known cost: not gated"

Outcome = Literal["pass", "fail", "inconclusive", "unsound"]
"""`unsound`: faults, integrity violations or broken controls forbid a verdict on the run."""

GateFinding = tuple[Outcome, str, bool]
"""Outcome, detail and `alike` of a check."""
EXIT_CODES: dict[Outcome, int] = {"unsound": 3, "fail": 1, "inconclusive": 4, "pass": 0}
"""The worst first: one of them decides. An inconclusive night is 4 where evidence is required."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    name: Literal["controls", "faults", "integrity", "pass_rate", "cost", "series"]
    contestant: str
    level: Assurance | None
    """Whose tasks it is about; None where it is about all."""
    outcome: Outcome
    detail: str
    alike: bool = False
    """Two numbers were compared, and their 95% interval allows that they are the same."""


class Gated(Record):
    """Numbers of one contestant: new less baseline, new over baseline."""

    contestant: str
    level: Assurance
    tasks: int
    difference: Difference | None
    loss_p: float | None
    """Exact one-sided p of so few passes."""
    not_worse: NotWorse | None
    cost_ratio: Ratio
    """Of costs per attempt at the same tasks, with its 95% interval."""
    cost_ratio_lo: float | None
    """One-sided lower bound at the level of one check of the night."""
    cost_ratio_hi: float | None
    """One-sided 95% upper bound."""


class GateResult(Record):
    """The gate's verdict; `exit_code` is as `EXIT_CODES` says, and that of bad input is 2."""

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
    """Gate a run against a baseline: contestants of the same name, each assurance level apart;
    raises `InputError` for a race, for nothing in common, and for what is not comparable.

    Args:
        results: the new run.
        baseline: of another run or of earlier nights.
        margin: tolerated loss of pass rate; by default 10 points from 100 tasks, else 20.
        cost_margin: tolerated growth of the cost of the same tasks, as a share.
        max_faults: share of planned trials that may lack a verdict; by default 2%, or one trial.
        anyway: compare what is not comparable.
        level: of the tasks that are gated; by default all.
        require_evidence: an inconclusive night fails.
        notes: what to say beside.
    """
    lacking = _allowed(max_faults, cost_margin, results)
    both, skipped = _by_level(results, baseline, level)
    margin = checked_margin(margin, max(len(scoring_tasks(results.manifest, one)) for one in both))
    alpha = NIGHT_ALPHA / max(1, 2 * sum(len(old) for _, old in both.values()))
    checks: list[Check] = []
    gated: list[Gated] = []
    said = [*notes, *skipped]
    for one, (new, old) in both.items():
        said += [note for note in _notes(new, old, results, anyway) if note not in said]
        checks += _soundness(new, old, results, one, lacking)
        for name, was in old.items():
            lined = pair(new[name].tally, was.tally, limit=lacking)
            gated.append(numbers := _numbers(name, one, lined, margin, alpha))
            rate, cost = _pass_rate(numbers, margin, alpha), _cost(numbers, lined, cost_margin)
            checks.append(Check("pass_rate", name, one, *_decided(rate, lined.doubt)))
            checks.append(Check("cost", name, one, *_decided(cost, lined.doubt)))
    checks += [*_integrity(checks, results)]
    outcome = next(o for o in EXIT_CODES if o == "pass" or any(c.outcome == o for c in checks))
    tolerated = outcome == "inconclusive" and not require_evidence
    return GateResult(
        run=results.manifest.name,
        baseline=baseline.levels[0].conditions.run,
        margin=margin,
        cost_margin=cost_margin,
        max_faults=lacking,
        check_alpha=alpha,
        outcome=outcome,
        exit_code=0 if tolerated else EXIT_CODES[outcome],
        headline=_headline(outcome, checks, gated, tolerated=tolerated),
        checks=tuple(checks),
        contestants=tuple(gated),
        notes=tuple(said),
    )


def _allowed(max_faults: float | None, cost_margin: float, results: Results) -> float:
    """Share that may be missing: of a contestant with few trials, one is more than 2%."""
    for flag, share in (("--cost-margin", cost_margin), ("--max-faults", max_faults)):
        if share is not None and not 0 <= share < inf:
            raise InputError(f"{share} is no share", where=flag, remedy="give one, such as 0.15")
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


def _notes(
    new: Mapping[str, Contender], old: Mapping[str, Contender], results: Results, anyway: bool
) -> Iterator[str]:
    """What to say of how the two were lined up, once they may be."""
    if lost := [name for name in old if name not in new]:
        raise InputError(
            f"the run lacks contestants of the baseline: {', '.join(lost)}",
            remedy="run them too, or write a new baseline",
        )
    for name in new:
        if old and name not in old and not results.manifest.contestant(name).control:
            yield f"{name} is not in the baseline"
    for name, was in old.items():
        now = new[name]
        for reason in require_comparable(now, was, anyway=anyway):
            yield f"{name}: not comparable, compared all the same: {reason}"
        if now.tally.who.digest != was.tally.who.digest:
            yield f"{name} is another contestant than in the baseline (its digest differs)"


def _soundness(
    new: Mapping[str, Contender],
    old: Mapping[str, Contender],
    results: Results,
    level: Assurance,
    limit: float,
) -> Iterator[Check]:
    """Whether a level's trials can be judged at all, and against what."""
    for spec in results.manifest.contestants:
        if spec.control:
            tally = new[spec.name].tally
            passed, scored = int(tally.passed.sum()), tally.scored_total
            wanted = scored if is_given_gold(spec.agent) else 0
            lacking = doubt(tally, limit)
            outcome: Outcome = "unsound" if lacking or not scored or passed != wanted else "pass"
            detail = lacking or f"passed {passed} of {scored} trials, must be {wanted}"
            yield Check("controls", spec.name, level, outcome, detail)
    for name in old or [c.name for c in results.manifest.contestants if not c.control]:
        reason = doubt(new[name].tally, limit)
        if reason is None and name in old and (before := doubt(old[name].tally, limit)):
            reason = f"in the baseline {before}"
        gone = new[name].tally.missing
        detail = reason or f"{gone.missing} of {gone.planned} trials lack a verdict"
        yield Check("faults", name, level, "unsound" if reason else "pass", detail)
    if not old:
        yield Check("series", "all", level, "inconclusive", NO_NIGHT)


def _integrity(checks: Sequence[Check], results: Results) -> Iterator[Check]:
    """One check for each contestant that was judged."""
    for name in dict.fromkeys(check.contestant for check in checks if check.name == "faults"):
        trials = [t.id for t in results.of(name) if t.verdict == "integrity"]
        where = f": {', '.join(trials[:3])}" if trials else ""
        detail = f"{len(trials)} trials broke integrity{where}"
        yield Check("integrity", name, None, "unsound" if trials else "pass", detail)


def _numbers(name: str, level: Assurance, lined: Pair, margin: float, alpha: float) -> Gated:
    # One limit of an interval of this level is a one-sided test at `error`.
    least, most = (lined.cost_per_attempt_ratio(level=1 - 2 * error) for error in (alpha, ALPHA))
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


def _pass_rate(numbers: Gated, margin: float, alpha: float) -> GateFinding:
    difference, test, p = numbers.difference, numbers.not_worse, numbers.loss_p
    if difference is None or test is None or p is None:
        return "inconclusive", "no task is complete in both runs", False
    lo, hi = difference.ci
    ruled_out = test.lo > -margin
    detail = (
        f"changed by {difference.estimate:+.3f} (95% {lo:+.3f} to {hi:+.3f}) on"
        f" {numbers.tasks} tasks; a loss of {margin:.3f} is {'' if ruled_out else 'not '}ruled out;"
        f" p of so few {p:.2g}, red at {alpha:.2g}"
    )
    outcome: Outcome = "fail" if p <= alpha else "pass" if ruled_out else "inconclusive"
    return outcome, detail, lo <= 0 <= hi


def _cost(numbers: Gated, lined: Pair, margin: float) -> GateFinding:
    ratio, limit, least = numbers.cost_ratio, 1 + margin, numbers.cost_ratio_lo
    if lined.a.cost_usd is None and lined.b.cost_usd is None:
        return "pass", NOT_GATED, False
    if lined.bases_differ:
        detail = f"costs count different things: {lined.a.basis} now, {lined.b.basis} before"
        return "inconclusive", detail, False
    if least is None or ratio.ci is None or numbers.cost_ratio_hi is None:
        return "inconclusive", "the ratio of costs is not estimable", ratio.estimate == 1
    lo, hi = ratio.ci
    detail = (
        f"the same tasks cost {ratio.estimate:.3f} times as much (95% {lo:.3f} to {hi:.3f});"
        f" red where shown above {limit:.3f}, now at least {least:.3f}"
    )
    below = numbers.cost_ratio_hi < limit
    outcome: Outcome = "fail" if least > limit else "pass" if below else "inconclusive"
    return outcome, detail, lo <= 1 <= hi


def _decided(found: GateFinding, doubtful: str | None) -> GateFinding:
    """What too many missing trials make doubtful decides nothing."""
    return found if doubtful is None else ("inconclusive", f"{doubtful}; {found[1]}", False)


def _headline(
    outcome: Outcome, checks: Sequence[Check], gated: Sequence[Gated], *, tolerated: bool
) -> str:
    """What the night comes to; why stands with the checks."""
    if outcome == "pass":
        free = [check.contestant for check in checks if check.detail == NOT_GATED]
        beside = f"; cost of {some(free)}: {NOT_GATED}" if free else ""
        return f"Pass: nothing is worse than the margins allow{beside}."
    causes = [check for check in checks if check.outcome == outcome]
    named = some([f"{check.contestant} {check.name}" for check in causes])
    if outcome == "fail":
        return f"Regression: {named}."
    if outcome == "unsound":
        return f"No verdict: {named}."
    said = f"no regression is shown, nor its absence: {named}"
    if not gated:
        said = NO_NIGHT
    elif all(check.alike for check in causes):
        tasks = max(one.tasks for one in gated)
        said = f"nothing changed, as far as {tasks} {'task' if tasks == 1 else 'tasks'} can tell"
    return f"{said[0].upper()}{said[1:]}." if tolerated else f"Inconclusive: {said}."
