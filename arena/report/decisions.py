"""Comparisons, recommendation and gate in words, for pages, terminals and JUnit readers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from arena.report import format as show
from arena.report.format import (
    factor,
    one_line,
    p_value,
    percent,
    percent_range,
    plain,
    plural,
    points,
    usd,
)
from arena.report.scored import Scored
from arena.score import compare as scoring
from arena.score.compare import Comparison, Side
from arena.score.gate import Check, GateResult
from arena.score.groups import Claim, Group, Match, groups
from arena.score.pairs import PairCell
from arena.score.recommend import Candidate, Recommendation
from arena.score.tally import Scope
from arena.stats.intervals import ALPHA, Interval

TITLES = {
    "country": "Country of the lab",
    "open_weights": "Weights",
    "provider": "Provider",
    "agent": "Agent",
}


@dataclass(frozen=True, slots=True)
class PairLine:
    """One pair in words and numbers, seen from its first."""

    a: str
    b: str
    tasks: int
    verdict: str
    difference: str = show.DASH
    """A less B in points."""
    order: float = 0.0
    ci: str = show.DASH
    p: str = show.DASH
    adjusted: str = show.DASH
    tone: str = ""
    """`good` or `bad` when shown, else empty."""

    @property
    def tip(self) -> str:
        """All of it in one sentence."""
        if self.difference == show.DASH:
            return self.verdict
        return (
            f"{self.a} less {self.b}: {self.difference} points ({self.ci}), adjusted p"
            f" {self.adjusted}; {self.verdict}"
        )


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairs, as a square and as a list."""

    names: tuple[str, ...]
    rows: tuple[tuple[PairLine | None, ...], ...]
    """Row less column; None on the diagonal."""
    pairs: tuple[PairLine, ...]
    shown: int
    """Pairs with a difference that is shown."""


def matrix(scored: Scored) -> Matrix:
    """The pairs of a board in the order of the leaderboard."""
    names = [row.who.name for row in scored.board.rows]
    place = {name: i for i, name in enumerate(names)}
    square: list[list[PairLine | None]] = [[None for _ in names] for _ in names]
    for pair in scored.board.pairs:
        square[place[pair.a]][place[pair.b]] = _pair_line(pair, 1)
        square[place[pair.b]][place[pair.a]] = _pair_line(pair, -1)
    return Matrix(
        names=tuple(map(plain, names)),
        rows=tuple(map(tuple, square)),
        pairs=tuple(line for i, row in enumerate(square) for line in row[i + 1 :] if line),
        shown=sum(pair.adjusted_p <= ALPHA for pair in scored.board.pairs),
    )


def _pair_line(pair: PairCell, sign: int) -> PairLine:
    a, b = (pair.a, pair.b) if sign > 0 else (pair.b, pair.a)
    found = pair.difference
    if found is None:
        return PairLine(plain(a), plain(b), pair.tasks, pair.inconclusive or "")
    gap = sign * found.estimate
    lo, hi = sorted((sign * found.ci.lo, sign * found.ci.hi))
    return PairLine(
        a=plain(a),
        b=plain(b),
        tasks=pair.tasks,
        verdict=_verdict(pair, gap, plain(a)),
        difference=show.points(gap),
        order=gap,
        ci=f"{show.points(lo)} to {show.points(hi)}",
        p=show.p_value(found.p),
        adjusted=show.p_value(pair.adjusted_p),
        tone="" if pair.adjusted_p > ALPHA else "good" if gap > 0 else "bad",
    )


def _verdict(pair: PairCell, gap: float, name: str) -> str:
    if pair.inconclusive:
        return f"inconclusive: {plain(pair.inconclusive)}"
    if pair.adjusted_p > ALPHA:
        return "not told apart"
    return f"{name} passes {'more' if gap > 0 else 'less'}"


@dataclass(frozen=True, slots=True)
class Countries:
    """The United States against China; without matches, `headline` says why."""

    headline: str
    matches: tuple[tuple[Match, str, str], ...]
    """With what each says of the claim, and the tone to say it in."""
    margin: str
    claimed: str


def countries(scored: Scored) -> Countries:
    """Who is shown not worse, at what share of the cost; simulated runs compare no countries."""
    found = scored.countries
    claimed = f"{show.fraction(found.claimed.lo)} to {show.fraction(found.claimed.hi)}"
    margin = show.percent(found.margin)
    if found.simulated:
        headline = (
            "Endpoints were simulated, so there is nothing to say about vendors or countries."
        )
        return Countries(headline, (), margin, claimed)
    matches = tuple((match, *_claim(match, found.claimed)) for match in found.matches)
    return Countries(plain(found.headline), matches, margin, claimed)


def _claim(match: Match, claimed: Interval) -> tuple[str, str]:
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


def told_apart(scored: Scored) -> tuple[Group, ...]:
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
        yield f"cost per solved task, A over B: {factor(ratio.estimate)}" + (
            f" ({factor(ratio.ci.lo)} to {factor(ratio.ci.hi)})"
            if ratio.ci is not None
            else ", interval not estimable"
        )
        if found.a.cost_basis == "billed":
            yield "  costs are as billed: not with equal use of caches"
        for side in (found.a, found.b):
            for caveat in side.who.caveats:
                yield f"  {side.who.name}: {caveat}"
    elif found.a.cost_basis != found.b.cost_basis:
        bases = (found.a.cost_basis or "unknown", found.b.cost_basis or "unknown")
        yield f"costs are not compared: A's are {bases[0]}, B's {bases[1]}"
    for margin in found.margins:
        shown = [
            name
            for name, side in (("A", margin.a_not_worse), ("B", margin.b_not_worse))
            if side.shown
        ]
        said = f"{' and '.join(shown)} shown not worse" if shown else "nothing shown"
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
    ci = f" ({percent_range(side.pass_rate_ci)})" if side.pass_rate_ci else ""
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


def gate_text(found: GateResult) -> str:
    """The gate's result as lines."""
    lines = [found.headline]
    lines += [
        f"  {check.outcome:12} {check.name} {_whose(check, found)}: {check.detail}"
        for check in found.checks
    ]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join(map(show.plain, lines))


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
