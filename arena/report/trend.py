"""A series of nights as a page and as lines: one small drawing a contestant and quantity."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from arena.report import format as show
from arena.report.site import page, template
from arena.score.trend import METRICS, Alarm, Point, Trend
from arena.stats.intervals import Interval

BARS = "▁▂▃▄▅▆▇█"
_NAMES = {"pass": "pass rate", "cost": "cost per attempt", "tokens": "tokens per attempt"}


class Quantity(NamedTuple):
    """A row of drawings."""

    title: str
    value: Callable[[Point], float | None]
    """None where unknown."""
    said: Callable[[Point], str]
    top: float | None = None
    """End of the scale, where that is fixed."""
    band: Callable[[Point], Interval | None] = lambda _: None
    """Its confidence sequence, where there is one."""


def render(trend: Trend, title: str) -> str:
    """The page of a series, complete in one file."""
    return template("trend.html").render(
        page=page(("base.css", "trend.css"), ("theme.js",)),
        title=f"{show.plain(title)}: {headline(trend)}",
        home="#main",
        name=title,
        trend=trend,
        headline=headline(trend),
        quantities=QUANTITIES,
        sentence=sentence,
        day=partial(day, trend),
    )


def headline(trend: Trend) -> str:
    """What the series says, in one line."""
    nights = show.plural(len(trend.nights), "night")
    if not trend.alarms:
        return f"No change is shown in {nights}"
    names = dict.fromkeys(show.one_line(alarm.contestant) for alarm in trend.alarms)
    return f"Changed: {', '.join(names)}, in {nights}"


def sentence(alarm: Alarm, trend: Trend) -> str:
    """An alarm: since when, how large."""
    sizes = {
        "pass": (show.percent(alarm.before), show.percent(alarm.after)),
        "cost": (show.usd(alarm.before), show.usd(alarm.after)),
        "tokens": (show.tokens(alarm.before), show.tokens(alarm.after)),
    }
    was, now = sizes[alarm.metric]
    return (
        f"{show.one_line(alarm.contestant)}: {_NAMES[alarm.metric]} from {was} to {now} since "
        f"{day(trend, alarm.since)}, raised on {day(trend, alarm.night)}"
    )


def day(trend: Trend, night: int) -> str:
    """The day of a night."""
    return trend.nights[night].created_at.date().isoformat()


def text(trend: Trend) -> str:
    """A series for the terminal."""
    return "\n".join(map(show.plain, _lines(trend)))


def _lines(trend: Trend) -> Iterator[str]:
    yield headline(trend)
    for alarm in trend.alarms:
        yield f"alarm: {sentence(alarm, trend)}"
        yield from (f"  {cause}" for cause in alarm.causes or ("no cause is on record",))
    for one in trend.contestants:
        last = one.points[-1]
        closest = max(METRICS, key=lambda metric: last.evidence.get(metric, 0.0))
        yield (
            f"{show.one_line(one.contestant)}  {_bars(one.points)}  "
            f"{_rate(last)}; {_money(last)}; {show.plural(last.faults, 'fault')};"
            f" {_NAMES[closest]}: {_way(last)}"
        )
    for mark in trend.marks:
        whose = f"{show.one_line(mark.contestant)}: " if mark.contestant else ""
        yield f"mark {day(trend, mark.night)}: {whose}{mark.what}"
    for left in trend.left_out:
        yield f"left out: {left.run}: {left.reason}"
    length = f"{trend.average_run_length:.0f} nights"
    yield f"a false alarm once in {length} at most, on average, while nothing changes"


def _rate(point: Point) -> str:
    if point.pass_rate is None:
        return "no verdict"
    sure = show.percent_range(point.sequence)
    return f"{show.percent(point.pass_rate)} passed (since the last mark {sure})"


def _way(point: Point) -> str:
    most = _most(point)
    return "alarmed" if most >= 1 else f"{most:.1%} of the way to an alarm"


def _money(point: Point) -> str:
    return f"{show.usd(point.cost_per_solved_usd)} a solved task"


def _bars(points: Sequence[Point]) -> str:
    rates = [point.pass_rate for point in points]
    return "".join(" " if r is None else BARS[min(7, int(r * 8))] for r in rates)


def _mean(
    value: float | None, sequence: Interval | None, words: Callable[[float | None], str]
) -> str:
    if sequence is None:
        return words(value)
    return f"{words(value)} (since the last mark {words(sequence.lo)} to {words(sequence.hi)})"


def _most(point: Point) -> float:
    return max(point.evidence.values(), default=0.0)


QUANTITIES = (
    Quantity("Pass rate", lambda p: p.pass_rate, _rate, top=1.0, band=lambda p: p.sequence),
    Quantity("US$ per solved task", lambda p: p.cost_per_solved_usd, _money),
    Quantity("US$ per attempt", lambda p: p.cost_usd,
             lambda p: _mean(p.cost_usd, p.cost_sequence, show.usd),
             band=lambda p: p.cost_sequence),
    Quantity("Tokens per attempt", lambda p: p.tokens,
             lambda p: _mean(p.tokens, p.tokens_sequence, show.tokens),
             band=lambda p: p.tokens_sequence),
    Quantity("Reasoning tokens", lambda p: p.reasoning_tokens,
             lambda p: show.tokens(p.reasoning_tokens)),
    Quantity("Seconds, median", lambda p: p.active_s, lambda p: show.seconds(p.active_s)),
    Quantity("Faults", lambda p: p.faults, lambda p: show.plural(p.faults, "fault")),
    Quantity("Tool-call mistakes", lambda p: p.mistakes,
             lambda p: show.plural(p.mistakes, "mistake")),
    Quantity("Evidence of a change", _most, _way, top=1.0),
)  # fmt: skip
"""All that is drawn of a contestant."""
