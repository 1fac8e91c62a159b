"""The United States against China: who is shown not worse, and at what share of the cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from arena.report import format as show
from arena.report.escape import one_line, plain
from arena.report.scored import Scored
from arena.score.groups import Claim, Match
from arena.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class MatchLine:
    """One contestant and its counterpart."""

    contestant: str
    counterpart: str
    difference: str
    difference_ci: str
    ratio: str
    ratio_ci: str
    claim: str
    tone: str


@dataclass(frozen=True, slots=True)
class Countries:
    """The section; without lines, `headline` says why."""

    headline: str
    lines: tuple[MatchLine, ...]
    margin: str
    claimed: str


def countries(scored: Scored) -> Countries:
    """The comparison in words; simulated runs compare no countries."""
    found = scored.countries
    claimed = f"{show.fraction(found.claimed.lo)} to {show.fraction(found.claimed.hi)}"
    margin = show.percent(found.margin)
    if found.simulated:
        headline = (
            "Endpoints were simulated, so there is nothing to say about vendors or countries."
        )
        return Countries(headline, (), margin, claimed)
    lines = tuple(_line(match, found.claimed) for match in found.matches)
    return Countries(plain(found.headline), lines, margin, claimed)


def _line(match: Match, claimed: Interval) -> MatchLine:
    gap, ratio = match.difference, match.cost_per_solved_ratio
    return MatchLine(
        contestant=plain(match.contestant),
        counterpart=plain(match.counterpart or "none"),
        difference=show.points(gap.estimate) if gap else show.DASH,
        difference_ci=f"{show.points(gap.ci.lo)} to {show.points(gap.ci.hi)}" if gap else "",
        ratio=show.DASH if ratio.estimate is None else show.fraction(ratio.estimate),
        ratio_ci=_ratio_range(ratio.ci) if match.counterpart else "",
        claim=_claim(match.claim, claimed)
        if match.counterpart
        else one_line(match.reason or "no counterpart"),
        tone=_TONES[match.claim] if match.counterpart else "",
    )


def _ratio_range(ci: Interval | None) -> str:
    return "not estimable" if ci is None else f"{show.fraction(ci.lo)} to {show.fraction(ci.hi)}"


_TONES: Mapping[Claim, str] = {
    "within": "good",
    "cheaper": "good",
    "dearer": "bad",
    "open": "warn",
    "not_estimable": "",
}


def _claim(claim: Claim, claimed: Interval) -> str:
    lo, hi = show.fraction(claimed.lo), show.fraction(claimed.hi)
    words: Mapping[Claim, str] = {
        "within": f"confirmed: between {lo} and {hi}",
        "cheaper": f"even less than {lo}",
        "dearer": f"refuted: more than {hi}",
        "open": "open: the interval crosses the edge",
        "not_estimable": "not estimable",
    }
    return words[claim]
