"""What a run says in words: answer, comparisons, recommendation and gate, as lines or for JUnit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET

from arena.report import format as show
from arena.report.format import factor, one_line, p_value, percent, plain, plural, points, usd
from arena.report.scored import Scored
from arena.score import compare as scoring
from arena.score.compare import Comparison, Side
from arena.score.gate import EXIT_CODES, Check, GateResult
from arena.score.groups import Claim, Group, Match, groups
from arena.score.leaderboard import Row
from arena.score.pairs import PairCell
from arena.score.recommend import Candidate, Recommendation
from arena.score.tally import Scope
from arena.stats.intervals import ALPHA, Interval


class Fact(NamedTuple):
    """One figure with what it is."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The recommendation in words."""

    decided: bool
    headline: str
    lead: str
    guess: str
    """The cheapest that nothing was shown to beat, where nothing is decided."""
    would_change: tuple[str, ...]
    figures: tuple[Fact, ...]
    progress: str
    """What is still to come, while a run is going on."""


def answer(scored: Scored) -> Answer:
    """The answer of a run."""
    found = scored.recommendation
    headline, lead = _decided(found) if found.pick else _undecided(found)
    return Answer(
        decided=found.decided,
        headline=headline,
        lead=lead,
        guess="" if found.decided else _guess(found.cheapest_not_shown_worse),
        would_change=tuple(map(plain, found.would_change)),
        figures=tuple(_figures(scored)),
        progress=_progress(scored),
    )


def _decided(found: Recommendation) -> tuple[str, str]:
    pick = found.pick
    assert pick
    name = plain(pick.name)
    interval = f" ({show.percent_range(pick.pass_rate_ci)})" if pick.pass_rate_ci else ""
    lead = (
        "It is the cheapest backend shown not worse than any other by"
        f" {points(found.margin).lstrip('+')} points or more. It passes"
        f" {percent(pick.pass_rate)} of the tasks{interval} at {usd(pick.cost_usd)} per"
        f" solved task.{plain(found.unknown)}"
    )
    return f"In this simulation, {name}" if found.simulated else f"Choose {name}", lead


def _undecided(found: Recommendation) -> tuple[str, str]:
    head, _, rest = plain(found.headline).partition(": ")
    names = tuple(plain(candidate.name) for candidate in found.candidates)
    lead = rest if rest.startswith(names) else rest[:1].upper() + rest[1:]
    return head.rstrip("."), lead


def _guess(candidate: Candidate | None) -> str:
    if candidate is None or candidate.pass_rate is None:
        return ""
    return (
        f"{plain(candidate.name)} is the cheapest that nothing was shown to beat:"
        f" {percent(candidate.pass_rate)} passed at {usd(candidate.cost_usd)} per solved"
        " task. That is a guess worth testing, not an answer."
    )


def best(rows: Iterable[Row]) -> Row | None:
    """The highest pass rate among contestants that are best first."""
    return next((row for row in rows if row.score.pass_rate is not None), None)


def cheapest(rows: Iterable[Row]) -> tuple[str, float] | None:
    """The lowest cost per solved task in US dollars, with whose it is."""
    priced = [
        (row.money.per_solved.estimate, row.who.name)
        for row in rows
        if row.money.per_solved and row.money.per_solved.estimate is not None
    ]
    cost, name = min(priced, default=(0.0, ""))
    return (name, cost) if priced else None


def _figures(scored: Scored) -> Iterator[Fact]:
    board = scored.board
    if first := best(scored.conclusive):
        tied = sum(r.rank is not None and r.rank.best == 1 for r in board.rows if r is not first)
        note = plain(first.who.name)
        if tied:
            note += f", not told apart from {plural(tied, 'other')}"
        yield Fact("Highest pass rate", percent(first.score.pass_rate), note)
    if found := cheapest(scored.conclusive):
        name, cost = found
        yield Fact("Lowest cost per solved task", usd(cost), plain(name))
    attempts = plural(board.attempts, "attempt")
    tasks = plural(len(board.tasks), "task")
    size = plural(len(board.rows), "contestant")
    yield Fact("Measured on", tasks, f"{attempts} each by {size}")
    if board.power:
        gap = f"{board.power.smallest_gap * 100:.0f} points"
        note = "between two pass rates, at 80% power"
        yield Fact("Smallest gap it can show", gap, note)


def _progress(scored: Scored) -> str:
    trials = scored.results.trials
    missing = sum(t.verdict is None for t in trials)
    if not missing:
        return ""
    faults = sum(t.verdict is None and t.fault is not None for t in trials)
    parts = [f"{show.count(missing - faults)} not run"] if missing > faults else []
    parts += [f"{plural(faults, 'fault')}"] if faults else []
    done = f"{show.count(len(trials) - missing)} of {plural(len(trials), 'trial')}"
    return f"{done} have a verdict ({', '.join(parts)})."


def matrix(scored: Scored) -> list[list[PairCell | None]]:
    """All pairs as a square in the order of the leaderboard: row less column."""
    place = {row.who.name: i for i, row in enumerate(scored.board.rows)}
    square: list[list[PairCell | None]] = [[None for _ in place] for _ in place]
    for pair in scored.board.pairs:
        i, j = place[pair.a], place[pair.b]
        square[i][j], square[j][i] = pair, _turned(pair)
    return square


def _turned(pair: PairCell) -> PairCell:
    """The same pair seen from its second."""
    gap = pair.difference
    if gap is not None:
        ci = Interval(-gap.ci.hi, -gap.ci.lo)
        gap = gap.model_copy(update={"estimate": -gap.estimate, "ci": ci})
    return pair.model_copy(update={"a": pair.b, "b": pair.a, "difference": gap})


def verdict(pair: PairCell) -> tuple[str, str]:
    """What a pair shows, seen from its first, and the tone to say it in."""
    gap = pair.difference.estimate if pair.difference else 0.0
    shown = pair.difference is not None and pair.adjusted_p <= ALPHA
    tone = "" if not shown else "good" if gap > 0 else "bad"
    if pair.inconclusive:
        said = "inconclusive: " if pair.difference else ""
        return f"{said}{plain(pair.inconclusive)}", tone
    if not shown:
        return "not told apart", tone
    return f"{plain(pair.a)} passes {'more' if gap > 0 else 'less'}", tone


def claim(match: Match, claimed: Interval) -> tuple[str, str]:
    """What a match of two countries says of the claimed share of the cost, and its tone."""
    if not match.counterpart:
        return one_line(match.reason or "no counterpart"), ""
    lo, hi = show.fraction(claimed.lo), show.fraction(claimed.hi)
    words: Mapping[Claim, tuple[str, str]] = {
        "within": (f"confirmed: between {lo} and {hi}", "good"),
        "cheaper": (f"even less than {lo}", "good"),
        "dearer": (f"refuted: more than {hi}", "bad"),
        "open": ("open: the interval crosses the edge", "warn"),
        "not_estimable": ("not estimable", ""),
    }
    return words[match.claim]


def distinct_groups(scored: Scored) -> tuple[Group, ...]:
    """Groups of contestants by each key that tells at least two groups apart."""
    found = groups(scored.results, scored.board.level)
    kinds = [group.key for group in found]
    return tuple(group for group in found if kinds.count(group.key) > 1)


def comparison(found: Comparison) -> str:
    """A comparison as lines."""
    return "\n".join(map(show.plain, _comparison(found)))


def _comparison(found: Comparison) -> Iterator[str]:
    compared = plural(found.tasks, "task")
    yield f"A is {found.a.who.name}, B is {found.b.who.name}; {compared} compared"
    for scope in dict.fromkeys((_scope(found.a.scope), _scope(found.b.scope))):
        yield from scope
    for reason in found.incomparable:
        yield f"not comparable: {reason}"
    if found.inconclusive:
        yield f"inconclusive: {found.inconclusive}"
    yield f"A: {_side(found.a)}"
    yield f"B: {_side(found.b)}"
    if found.difference is not None:
        gap = found.difference
        yield (
            f"A less B: {points(gap.estimate)} "
            f"({points(gap.ci.lo)} to {points(gap.ci.hi)}), "
            f"p {p_value(gap.p)}, exact p {p_value(found.exact_p)}"
        )
    ratio = found.cost_per_solved_ratio
    if ratio.estimate is not None:
        ci = ratio.ci
        sure = f" ({factor(ci.lo)} to {factor(ci.hi)})" if ci else ", interval not estimable"
        yield f"cost per solved task, A over B: {factor(ratio.estimate)}{sure}"
        if found.a.cost_basis == "billed":
            yield "  costs are as billed: not with equal use of caches"
        for side in (found.a, found.b):
            for caveat in side.who.caveats:
                yield f"  {side.who.name}: {caveat}"
    elif found.a.cost_basis != found.b.cost_basis:
        bases = (found.a.cost_basis or "unknown", found.b.cost_basis or "unknown")
        yield f"costs are not compared: A's are {bases[0]}, B's {bases[1]}"
    for margin in found.margins:
        sides = (("A", margin.a_not_worse), ("B", margin.b_not_worse))
        shown = " and ".join(name for name, side in sides if side.shown)
        said = f"{shown} shown not worse" if shown else "nothing shown"
        yield f"margin {margin.a_not_worse.margin:.0%}: {said}"
    for statistic in scoring.STATISTICS:
        value = found.statistics[statistic.name]
        if statistic.label is not None and value is not None:
            yield f"{statistic.label}: {value:.3g}"
    for task in found.discordant:
        yield (
            f"  {task.task}: A {task.passed_a}/{task.scored_a}, B {task.passed_b}/{task.scored_b}"
        )


def _side(side: Side) -> str:
    rate = percent(side.pass_rate)
    ci = f" ({show.percent_range(side.pass_rate_ci)})" if side.pass_rate_ci else ""
    return (
        f"passes {rate}{ci}, {usd(side.cost_per_attempt_usd)} an attempt, "
        f"{usd(side.cost_per_solved_usd)} a solved task"
    )


def recommendation(found: Recommendation) -> str:
    """A recommendation as lines, the answer first."""
    return "\n".join(map(show.plain, _recommendation(found)))


def _recommendation(found: Recommendation) -> Iterator[str]:
    yield found.headline
    yield f"margin {found.margin:.0%}, {plural(found.tasks, 'task')}"
    yield from _scope(found.scope)
    if found.simulated:
        yield "an endpoint was not its provider's own: this says nothing about any vendor"
    if not found.decided and found.cheapest_not_shown_worse is not None:
        yield f"cheapest not shown worse, a guess: {found.cheapest_not_shown_worse.name}"
    for one in found.candidates:
        yield f"  {_candidate(one)}"
        for caveat in one.caveats:
            yield f"    {caveat}"
    for change in found.would_change:
        yield f"would change the answer: {change}"


def _candidate(one: Candidate) -> str:
    rate = percent(one.pass_rate)
    cost = f"{usd(one.cost_usd)} a solved task"
    if one.cost_per_solved and one.cost_usd is None:
        cost = "no task solved"
    if one.excluded:
        state = f"left out: {'; '.join(one.excluded)}"
    elif one.shown:
        state = "shown not worse than any other"
    elif one.shown_worse_than:
        state = f"shown worse than {', '.join(one.shown_worse_than)}"
    elif one.rival is None:
        state = "there is no other to compare it with"
    else:
        state = f"not shown, hardest against {one.rival}"
        if one.tasks_needed:
            state += f", about {one.tasks_needed} tasks would"
    return f"{one.name}: {rate}, {cost}; {state}"


def _scope(scope: Scope) -> tuple[str, ...]:
    """Which tasks are not in the numbers, where some are not."""
    return tuple(
        f"not in these numbers: {plural(count, 'task')} graded {level}; see --assurance {level}"
        for level, count in scope.others.items()
    )


_GATE_CHECKS = 7
"""Checks that are shown, the worst first: a failed night reads in ten lines."""


def gate_text(found: GateResult) -> str:
    """The gate's result as at most ten lines; Markdown and JSON have all of it."""
    worst = {outcome: place for place, outcome in enumerate(EXIT_CODES)}
    checks = sorted(found.checks, key=lambda check: worst[check.outcome])
    lines = [found.headline]
    lines += [
        f"  {check.outcome:12} {check.name} {_whose(check, found)}: {check.detail}"
        for check in checks[:_GATE_CHECKS]
    ]
    if rest := checks[_GATE_CHECKS:]:
        passed = sum(check.outcome == "pass" for check in rest)
        lines.append(f"  and {plural(len(rest), 'more check')}, of which {passed} passed")
    if found.notes:
        more = f" (and {len(found.notes) - 1} more)" if len(found.notes) > 1 else ""
        lines.append(f"note: {found.notes[0]}{more}")
    return "\n".join(show.one_line(line, 600) for line in lines)


def _whose(check: Check, found: GateResult) -> str:
    """The contestant, with the tasks' level where there are several."""
    several = len({one.level for one in found.contestants}) > 1
    return f"{check.contestant} ({check.level})" if several and check.level else check.contestant


def gate_markdown(found: GateResult) -> str:
    """The gate's result for a pull request or a step summary."""
    names = f"Run {show.markdown(found.run)} against {show.markdown(found.baseline)}"
    lines = [
        f"### {show.markdown(found.headline)}",
        "",
        f"{names}, margin {found.margin:.0%}, cost margin {found.cost_margin:.0%}.",
        "",
        "| outcome | check | contestant | detail |",
        "|---|---|---|---|",
    ]
    for check in found.checks:
        cells = (check.outcome, check.name, _whose(check, found), check.detail)
        lines.append("| " + " | ".join(map(show.markdown, cells)) + " |")
    lines += [f"\n{show.markdown(note)}" for note in found.notes]
    return "\n".join(lines) + "\n"


def gate_junit(found: GateResult) -> str:
    """The gate's checks as JUnit test cases: a regression fails, what cannot be judged errs."""
    suite = ET.Element("testsuite", name=f"arena gate {show.plain(found.run)}")
    failures = errors = 0
    for check in found.checks:
        whose = show.one_line(_whose(check, found))
        case = ET.SubElement(suite, "testcase", classname=whose, name=check.name)
        if check.outcome == "fail":
            failures += 1
            ET.SubElement(case, "failure", message=show.plain(check.detail))
        elif check.outcome != "pass":
            errors += 1
            message = f"{check.outcome}: {show.plain(check.detail)}"
            ET.SubElement(case, "error", message=message)
    suite.set("tests", str(len(found.checks)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)
