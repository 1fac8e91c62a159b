"""Comparison, recommendation and gate in words, for terminals, pull requests and JUnit readers."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from arena.report import escape
from arena.report.format import factor, p_value, percent, percent_range, plural, points, usd
from arena.score import compare as scoring
from arena.score.compare import Comparison, Side
from arena.score.gate import Check, GateResult
from arena.score.recommend import Candidate, Recommendation
from arena.score.tally import Scope


def comparison(found: Comparison) -> str:
    """A comparison as lines."""
    return "\n".join(map(escape.plain, _comparison(found)))


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
    return "\n".join(map(escape.plain, _recommendation(found)))


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
    return "\n".join(map(escape.plain, lines))


def _whose(check: Check, found: GateResult) -> str:
    """The contestant, with the tasks' level where there are several."""
    several = len({one.level for one in found.contestants}) > 1
    return f"{check.contestant} ({check.level})" if several and check.level else check.contestant


def gate_markdown(found: GateResult) -> str:
    """The gate's result for a pull request or a step summary."""
    names = f"Run {escape.markdown(found.run)} against {escape.markdown(found.baseline)}"
    lines = [
        f"### {escape.markdown(found.headline)}",
        "",
        f"{names}, margin {found.margin:.0%}, cost margin {found.cost_margin:.0%}.",
        "",
        "| outcome | check | contestant | detail |",
        "|---|---|---|---|",
    ]
    for check in found.checks:
        cells = (check.outcome, check.name, _whose(check, found), check.detail)
        lines.append("| " + " | ".join(map(escape.markdown, cells)) + " |")
    lines += [f"\n{escape.markdown(note)}" for note in found.notes]
    return "\n".join(lines) + "\n"


def gate_junit(found: GateResult) -> str:
    """The gate's checks as JUnit test cases: a regression fails, what cannot be judged errs."""
    suite = ET.Element("testsuite", name=f"arena gate {escape.plain(found.run)}")
    failures = errors = 0
    for check in found.checks:
        whose = escape.one_line(_whose(check, found))
        case = ET.SubElement(suite, "testcase", classname=whose, name=check.name)
        if check.outcome == "fail":
            failures += 1
            ET.SubElement(case, "failure", message=escape.plain(check.detail))
        elif check.outcome != "pass":
            errors += 1
            message = f"{check.outcome}: {escape.plain(check.detail)}"
            ET.SubElement(case, "error", message=message)
    suite.set("tests", str(len(found.checks)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)
