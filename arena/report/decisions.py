"""What a run says in words: answer, comparisons, recommendation and gate, as lines or for JUnit."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

from arena.report import format as show
from arena.report.format import factor, hundredths, p_value, percent, plain, plural, points, usd
from arena.score import compare as scoring
from arena.score.compare import Comparison, Side
from arena.score.gate import EXIT_CODES, Check, GateResult
from arena.score.recommend import Candidate, Recommendation
from arena.score.tally import Scope
from arena.score.trade import CheaperRival, SwitchPoint, ValueRange
from arena.stats.intervals import ALPHA


@dataclass(frozen=True, slots=True)
class Answer:
    """The recommendation in words; `headline` is without a full stop."""

    headline: str
    lead: str
    guess: str
    """What costs much less and is not shown worse, beyond what the headline says."""
    tabled: bool = False
    """A table of the best buys tells what `lead` does."""


def answer_of(found: Recommendation) -> Answer:
    """A recommendation in words."""
    gaps = "".join(f" Nothing is known of {plain(n)}: it has no verdict." for n in found.left_out)
    if why := _why_not(found):
        return Answer("Not decided", f"{why}{gaps}", "")
    headline, lead = _at_one_value(found) if found.trade.choice else _at_all_values(found)
    if found.margin is not None:
        by = hundredths(found.margin)
        names = ", ".join(plain(c.name) for c in found.candidates if c.shown)
        headline = f"Of those shown not worse than any other by {by} points ({names}): {headline}"
    if found.trade.unpriced:
        headline = f"Of those with a known cost: {headline}"
    if found.simulated:
        headline = f"In this simulation: {headline}"
    tabled = found.trade.choice is None
    return Answer(headline, f"{lead}{gaps}", _cheaper(found), tabled)


def _why_not(found: Recommendation) -> str:
    """Why there is no answer, if there is none."""
    if len(found.candidates) < 2:
        return "A recommendation needs verdicts of at least two contestants."
    if found.doubts:
        return f"{'; '.join(map(plain, found.doubts))}. Resume the run first."
    if found.trade.buys:
        alone = found.trade.unpriced and len(found.trade.priced) == 1
        return f"Only {plain(found.trade.buys[0].name)} has a known cost." if alone else ""
    if all(one.excluded for one in found.candidates):
        why = "; ".join(f"{plain(c.name)}: {', '.join(c.excluded)}" for c in found.candidates)
        return f"No contestant can be recommended ({why})."
    by = "" if found.margin is None else f" by {hundredths(found.margin)} points"
    if kept := [c for c in found.candidates if c.shown]:
        left_out = "; ".join(f"{plain(c.name)}: {', '.join(c.excluded)}" for c in kept)
        return f"Shown not worse than every other{by}, but left out: {left_out}."
    return f"On {plural(found.tasks, 'task')} nobody is shown not worse than every other{by}."


def _at_one_value(found: Recommendation) -> tuple[str, str]:
    choice = found.trade.choice
    assert choice
    at = f"at {usd(choice.value_usd)} a solved task"
    lost = usd(choice.regret_usd)
    loss = f"Whoever follows this loses an expected {lost} a task against the best"
    if choice.name is None:
        unsure = "" if choice.decided else ", which is not shown"
        return f"{at.capitalize()} nobody pays for itself{unsure}", f"{loss}."
    name, chance = plain(choice.name), percent(choice.chance)
    seen = next(c for c in found.candidates if c.name == choice.name)
    ci = f" ({show.percent_range(seen.pass_rate_ci)})" if seen.pass_rate_ci else ""
    lead = (
        f"It passes {percent(seen.pass_rate)} of the tasks{ci} at {usd(seen.cost_usd)} per solved"
        f" task, and is the best buy in {chance} of random draws from these tasks. {loss}."
    )
    if choice.decided and not found.simulated:
        headline = f"{at.capitalize()} choose {name}"
    elif choice.decided:
        headline = f"{at} {name} is the best buy"
    else:
        headline = f"{at.capitalize()} {name} is the best guess, {chance} sure"
        headline += f"; {_unsettled(found)}"
    for rival in found.trade.cheaper[:1]:
        headline += f"; {_rival(rival)}"
    return headline, lead


def _at_all_values(found: Recommendation) -> tuple[str, str]:
    """Who is the best buy from where to where; what of it is shown is said in the same breath."""
    buys = found.trade.buys
    spans = [f"{plain(buy.name)} up to {usd(buy.ends.usd)}" for buy in buys if buy.ends]
    last = plain(buys[-1].name)
    if spans:
        headline = f"{spans[0]} a solved task{''.join('; ' + one for one in spans[1:])}"
        headline += f"; {last} above"
    else:
        headline = f"{last} if a solved task is worth {usd(buys[-1].starts.usd)} or more"
    shown = [f"{plain(buy.name)} {_range(buy.sure)}" for buy in buys if buy.sure]
    if shown:
        headline += f" (shown: {'; '.join(shown)})"
    else:
        headline += f": a best guess, {_unsettled(found)}"
    lead = [f"Below {_switch(buys[0].starts)} a solved task nobody pays for itself."]
    for one, other in pairwise(buys):
        names = f"{plain(one.name)} to {plain(other.name)}"
        lead.append(f"The switch from {names} is at {_switch(other.starts)}.")
    return headline, " ".join(lead)


def _unsettled(found: Recommendation) -> str:
    return f"{plural(found.tasks, 'task')} {'does' if found.tasks == 1 else 'do'} not settle it"


def _range(sure: ValueRange) -> str:
    if sure.to_usd is None:
        return f"from {usd(sure.from_usd)}"
    return f"between {usd(sure.from_usd)} and {usd(sure.to_usd)}"


def _switch(point: SwitchPoint) -> str:
    """A switch point with its 95% interval, which may have no upper end."""
    end = "never" if point.hi is None else usd(point.hi)
    return f"{usd(point.usd)} (95%: {usd(point.lo)} {'or' if point.hi is None else 'to'} {end})"


def _rival(rival: CheaperRival) -> str:
    return (
        f"{plain(rival.name)}, at {show.fraction(1 / rival.times)} of the cost of"
        f" {plain(rival.than)}, is not shown worse: {percent(rival.pass_rate)} against"
        f" {percent(rival.than_pass_rate)}"
    )


def _cheaper(found: Recommendation) -> str:
    """`Answer.guess`: of one best buy, the headline has the first."""
    rest = found.trade.cheaper[1 if found.trade.choice else 0 :]
    others = f"; nor {plural(len(rest) - 1, 'other')}" if len(rest) > 1 else ""
    return f"{_rival(rest[0])}{others}." if rest else ""


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
            f"A less B: {points(gap.estimate)} ({points(gap.ci.lo)} to {points(gap.ci.hi)}),"
            f" p {p_value(gap.p)}, exact p {p_value(found.exact_p)}, both of this pair alone"
        )
    if found.adjusted_p is not None:
        said = "shown" if found.adjusted_p <= ALPHA else "not shown"
        adjusted = p_value(found.adjusted_p)
        yield f"p adjusted over all pairs of the run {adjusted}: a difference is {said}"
    if worth := found.worth:
        said = "shown" if worth.shown else "not shown"
        sign = show.MINUS if worth.gap_usd < 0 else ""
        yield (
            f"at {usd(worth.value_usd)} a solved task: A less B {sign}{usd(abs(worth.gap_usd))} a"
            f" task, A is worth more in {percent(worth.chance)} of draws: a difference is {said}"
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
    for margin in () if found.inconclusive else found.margins:
        sides = (("A", margin.a_not_worse), ("B", margin.b_not_worse))
        shown = " and ".join(name for name, side in sides if side.shown)
        who = f"{shown} shown not worse" if shown else "neither is shown not worse"
        by = f"{margin.a_not_worse.margin * 100:.0f} points"
        yield f"{who} by {by} (5% error, this pair alone)"
    for statistic in scoring.STATISTICS:
        value = found.statistics[statistic.name]
        if statistic.label is not None and value is not None:
            yield f"{statistic.label}: {value:.3g}"
    for task in found.discordant:
        yield f"  {task.task}: A {task.passed_a}/{task.scored_a}, B {task.passed_b}/{task.scored_b}"


def _side(side: Side) -> str:
    rate = percent(side.pass_rate)
    ci = f" ({show.percent_range(side.pass_rate_ci)})" if side.pass_rate_ci else ""
    each, solved = side.cost_per_attempt_usd, side.cost_per_solved_usd
    if each is None:
        return f"passes {rate}{ci}, no known cost"
    costs = "no task solved" if solved is None else f"{usd(solved)} a solved task"
    return f"passes {rate}{ci}, {usd(each)} an attempt, {costs}"


def recommendation(found: Recommendation) -> str:
    """A recommendation as lines, the answer first."""
    return "\n".join(map(show.plain, _recommendation(found)))


def _recommendation(found: Recommendation) -> Iterator[str]:
    said = answer_of(found)
    yield f"{said.headline}."
    yield said.lead
    yield from filter(None, (said.guess,))
    yield from _scope(found.scope)
    if found.simulated:
        yield "an endpoint was not its provider's own: this says nothing about any vendor"
    for one in found.candidates:
        yield f"  {_candidate(one, found)}"
        for caveat in one.caveats:
            yield f"    {caveat}"


def _candidate(one: Candidate, found: Recommendation) -> str:
    rate, margin = percent(one.pass_rate), found.margin
    cost = "no known cost"
    if one.cost_per_solved:
        solved = one.cost_usd is not None
        cost = f"{usd(one.cost_usd)} a solved task" if solved else "no task solved"
    # Who lacks trials is told above.
    excluded = [reason for reason in one.excluded if reason not in found.doubts]
    states = [f"left out: {'; '.join(excluded)}"] if excluded else []
    if one.shown_worse_than:
        states.append(f"shown to pass less than {', '.join(one.shown_worse_than)}")
    if margin is not None and one.adjusted_p is not None and one.rival is not None:
        by = f"{hundredths(margin)} points"
        said = (
            f"shown not worse than any other by {by}, nearest to it"
            if one.shown
            else f"may be worse than another by {by}, most of all than"
        )
        p = f"p {p_value(one.adjusted_p)}, adjusted over all contestants"
        states.append(f"{said} {one.rival} ({p})")
    return "; ".join((f"{one.name}: {rate}, {cost}", *states))


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
    margins = f"margin {hundredths(found.margin)}%, cost margin {hundredths(found.cost_margin)}%"
    names = f"Run {show.markdown(found.run)} against {show.markdown(found.baseline)}"
    lines = [
        f"### {show.markdown(found.headline)}\n",
        f"{names}, {margins}.\n",
        "| outcome | check | contestant | detail |\n|---|---|---|---|",
    ]
    for check in found.checks:
        cells = (check.outcome, check.name, _whose(check, found), check.detail)
        lines.append(f"| {' | '.join(map(show.markdown, cells))} |")
    lines += [f"\n{show.markdown(note)}" for note in found.notes]
    return "\n".join(lines) + "\n"


def gate_junit(found: GateResult) -> str:
    """The gate's checks as JUnit test cases: a regression fails, what cannot be judged errs; what
    cannot tell is skipped, unless evidence is required.
    """
    suite = ET.Element("testsuite", name=f"arena gate {show.plain(found.run)}")
    for check in found.checks:
        whose = show.one_line(_whose(check, found))
        case = ET.SubElement(suite, "testcase", classname=whose, name=check.name)
        if check.outcome == "fail":
            ET.SubElement(case, "failure", message=show.plain(check.detail))
        elif check.outcome != "pass":
            told = check.outcome == "inconclusive" and found.exit_code != EXIT_CODES["inconclusive"]
            message = f"{check.outcome}: {show.plain(check.detail)}"
            ET.SubElement(case, "skipped" if told else "error", message=message)
    count_cases(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def count_cases(suite: ET.Element) -> None:
    """Write on a suite of JUnit how many of its cases there are of each kind."""
    kinds = {"tests": "", "failures": "/failure", "errors": "/error", "skipped": "/skipped"}
    for name, below in kinds.items():
        suite.set(name, str(len(suite.findall(f"testcase{below}"))))
