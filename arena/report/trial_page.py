"""One trial as a page: what it was asked, what it did, and how that was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from arena.records import TrialRecord, Usage
from arena.report import diff, transcript
from arena.report import format as show
from arena.report.details import Duty, PricedCall, tests_of
from arena.report.escape import one_line, plain
from arena.report.format import Fact
from arena.report.outcomes import STOPS, outcome, page_name
from arena.report.templates import environment, page, prose
from arena.rundir import TaskEntry
from arena.score.results import TrialRow

FILES = ("transcript.jsonl", "patch.diff", "junit.xml", "verify.log")
MAX_PATCH_BYTES = 1_000_000

_DUTIES: Mapping[Duty, str] = {
    "fail_to_pass": "pass, failed before",
    "pass_to_pass": "still pass",
    "must_fail": "fail (twin)",
    "other": "not counted",
}
_MARKS = {"add": "+", "del": "-", "same": "", "hunk": "", "note": ""}


class CallMeter(NamedTuple):
    """What the page shows of a call: whole records take long to hand to another process."""

    outcome: str
    usage: Usage | None
    billed_usd: Decimal | None
    wall_s: float | None

    @classmethod
    def of(cls, call: PricedCall) -> "CallMeter":
        """What to show of a call that may never have settled."""
        billed_usd = call.cost.billed_usd if call.cost else None
        if call.end is None:
            return cls("never settled", None, billed_usd, None)
        return cls(call.end.outcome, call.usage, billed_usd, call.end.wall_s)


@dataclass(frozen=True, slots=True)
class TrialSource:
    """Everything a trial's page is made from."""

    run_name: str
    attempts: int
    """Planned for each pairing."""
    task: TaskEntry
    row: TrialRow
    record: TrialRecord | None
    calls: dict[str, CallMeter]
    """By id."""
    peers: Markup
    """From `peers` of all trials of the same task."""
    folder: Path


def peers(rows: Sequence[TrialRow]) -> Markup:
    """The list of all trials of one task, the same on the page of each."""
    by_name: dict[str, list[TrialRow]] = {}
    for row in rows:
        by_name.setdefault(row.contestant, []).append(row)
    template = environment().get_template("peers.html")
    # Rendered by a template that escapes.
    return Markup(template.render(peers=by_name, outcome=outcome, page_name=page_name))  # noqa: S704


def render(source: TrialSource) -> str:
    """The page of one trial."""
    row, task, folder, record = source.row, source.task, source.folder, source.record
    tests = list(tests_of(record, task.tests)) if record else []
    verdict, tone = outcome(row)
    return (
        environment()
        .get_template("trial.html")
        .render(
            page=page(("base.css", "trial.css"), ("theme.js",)),
            title=f"{verdict}: {plain(row.contestant)} on {row.task_id}",
            home="../index.html",
            source=source,
            row=row,
            verdict=verdict,
            tone=tone,
            reason=one_line(row.fault.message if row.fault else row.reason, 600),
            facts=_facts(row),
            statement=prose(task.problem_statement),
            diff=diff.parse(_patch(folder / "patch.diff")),
            marks=_MARKS,
            stripped=record.verification.stripped if record and record.verification else (),
            bad_tests=[test for test in tests if test.tone == "bad"],
            other_tests=[test for test in tests if test.tone != "bad"],
            good=sum(test.tone == "good" for test in tests),
            duties=_DUTIES,
            conversation=transcript.read(folder / "transcript.jsonl"),
            calls=source.calls,
            peers=_marked(source),
            base=f"../../trials/{quote(folder.name)}",
            files=[name for name in FILES if (folder / name).is_file()],
        )
    )


def _marked(source: TrialSource) -> Markup:
    """The peers with this page's own link marked."""
    own = Markup('href="{}"').format(page_name(source.row.id))
    return source.peers.replace(own, own + Markup(' aria-current="page"'), 1)


def _facts(row: TrialRow) -> list[Fact]:
    cost, tokens = row.cost, row.tokens
    stop = STOPS[row.stop] if row.stop else show.DASH
    facts = [
        Fact("Agent", stop, one_line(row.stop_detail)),
        Fact("Cost", show.usd(cost.billed_usd), _cost_note(row)),
        Fact("Model calls", show.count(row.calls), f"{show.plural(row.steps, 'step')}"),
        Fact("Agent's clock", show.seconds(row.active_s), f"{show.seconds(row.wall_s)} in all"),
        Fact("Input", show.tokens(tokens.input), f"{show.tokens(tokens.cached_input)} cached"),
        Fact("Output", show.tokens(tokens.output), f"{show.tokens(tokens.reasoning)} reasoning"),
    ]
    if row.mistakes or row.truncations:
        replies = show.plural(row.truncations, "reply", "replies")
        cut = f"{replies} cut short" if row.truncations else ""
        facts.append(Fact("Tool mistakes", show.count(row.mistakes), cut))
    if row.tries > 1:
        facts.append(Fact("Tries", show.count(row.tries), "all are in the cost"))
    return facts


def _cost_note(row: TrialRow) -> str:
    if row.cost.status == "partial":
        return f"at least {show.usd(row.cost.known_usd)}"
    if row.cost.status == "estimated":
        return "estimated"
    return "" if row.cost.standard_usd is None else f"{show.usd(row.cost.standard_usd)} standard"


def _patch(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return handle.read(MAX_PATCH_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
