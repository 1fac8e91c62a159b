"""One trial as a page: what it was asked, what it did, and how that was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from arena.records import Stop, TrialRecord, Verdict
from arena.report import diff, transcript
from arena.report import format as show
from arena.report.details import CallRow, Duty, TestRow, tests_of
from arena.report.escape import one_line, plain
from arena.report.templates import environment, page, prose
from arena.rundir import TaskEntry, file_stem
from arena.score.results import TrialRow

Tone = str
FILES = ("transcript.jsonl", "patch.diff", "junit.xml", "verify.log")
MAX_PATCH_BYTES = 1_000_000

VERDICTS: Mapping[Verdict, str] = {
    "passed": "passed",
    "failed": "failed",
    "no_patch": "no patch",
    "invalid_patch": "invalid patch",
    "timeout": "tests timed out",
    "resource": "out of resources",
    "integrity": "integrity",
}
STOPS: Mapping[Stop, str] = {
    "submitted": "submitted",
    "gave_up": "ended without submitting",
    "steps": "step limit",
    "seconds": "time limit",
    "usd": "cost limit",
    "tokens": "token limit",
    "context_overflow": "context full",
    "content_filter": "refused by the provider",
    "container_ended": "ended its container",
    "agent_error": "the agent broke",
}
_DUTIES: Mapping[Duty, str] = {
    "fail_to_pass": "pass, failed before",
    "pass_to_pass": "still pass",
    "must_fail": "fail (twin)",
    "other": "not counted",
}
_MARKS = {"add": "+", "del": "-", "same": "", "hunk": "", "note": ""}


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure at the top of the page."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class CallMeter:
    """What stands beside a message; `lost` says that the call failed."""

    cost: str
    time: str
    prompt: str
    output: str
    lost: str


@dataclass(frozen=True, slots=True)
class TestLine:
    """One hidden test as shown."""

    id: str
    outcome: str
    must: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Chip:
    """An attempt at the same task; without `href` it has no page yet."""

    href: str
    verdict: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Peer:
    """A contestant's attempts at the same task."""

    contestant: str
    tries: tuple[Chip, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A file beside the page."""

    name: str
    href: str


def outcome(row: TrialRow) -> tuple[str, Tone]:
    """How a trial came out, in words, and the tone to say it in."""
    if row.verdict is not None:
        tone = {"passed": "good", "integrity": "warn"}.get(row.verdict, "bad")
        return VERDICTS[row.verdict], tone
    return ("fault", "warn") if row.fault else ("not run", "")


def page_name(trial_id: str) -> str:
    """File of a trial's page in the folder of all trial pages, and its address there."""
    return f"{file_stem(trial_id)}.html"


@dataclass(frozen=True, slots=True)
class Source:
    """Everything a trial's page is made from."""

    run_name: str
    attempts: int
    """Planned for each pairing."""
    task: TaskEntry
    row: TrialRow
    record: TrialRecord | None
    calls: Sequence[CallRow]
    peers: Markup
    """From `peers` of all trials of the same task."""
    folder: Path


def peers(rows: Sequence[TrialRow]) -> Markup:
    """The list of all trials of one task, the same on the page of each."""
    by_name: dict[str, list[Chip]] = {}
    for row in rows:
        chip = Chip(page_name(row.id) if row.tries else "", *outcome(row))
        by_name.setdefault(plain(row.contestant), []).append(chip)
    found = [Peer(name, tuple(chips)) for name, chips in by_name.items()]
    # Rendered by a template that escapes.
    return Markup(environment().get_template("peers.html").render(peers=found))  # noqa: S704


def render(source: Source) -> str:
    """The page of one trial."""
    template = environment().get_template("trial.html")
    row = source.row
    return template.render(
        page=page(("base.css", "trial.css"), ("theme.js",)),
        title=f"{outcome(row)[0]}: {plain(row.contestant)} on {row.task_id}",
        home="../index.html",
        trial=_context(source),
        marks=_MARKS,
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    id: str
    run_name: str
    task_id: str
    title: str
    contestant: str
    attempt: int
    attempts: int
    verdict: str
    tone: Tone
    reason: str
    facts: tuple[Fact, ...]
    flags: tuple[Fact, ...]
    statement: Markup
    diff: diff.Diff
    stripped: tuple[str, ...]
    tests: tuple[TestLine, ...]
    """Those that decided against the patch first."""
    bad_tests: int
    tests_line: str
    conversation: transcript.Conversation
    calls: dict[str, CallMeter]
    peers: Markup
    files: tuple[Link, ...]


def _context(source: Source) -> _Trial:
    row, task, record = source.row, source.task, source.record
    verdict, tone = outcome(row)
    verification = record.verification if record else None
    lines = map(_test, tests_of(record, task.tests)) if record else ()
    tests = tuple(sorted(lines, key=lambda line: line.tone != "bad"))
    return _Trial(
        id=row.id,
        run_name=plain(source.run_name),
        task_id=row.task_id,
        title=one_line(task.title),
        contestant=plain(row.contestant),
        attempt=row.attempt,
        attempts=source.attempts,
        verdict=verdict,
        tone=tone,
        reason=one_line(row.fault.message if row.fault else row.reason, 600),
        facts=tuple(_facts(row)),
        flags=tuple(Fact(plain(kind), one_line(detail, 600)) for kind, detail in row.flags),
        statement=prose(task.problem_statement),
        diff=diff.parse(_patch(source.folder / "patch.diff")),
        stripped=tuple(map(plain, verification.stripped)) if verification else (),
        tests=tests,
        bad_tests=sum(test.tone == "bad" for test in tests),
        tests_line=_tests_line(tests),
        conversation=transcript.read(source.folder / "transcript.jsonl"),
        calls={call.call_id: _meter(call) for call in source.calls},
        peers=_marked(source),
        files=tuple(_files(source.folder)),
    )


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


def _test(test: TestRow) -> TestLine:
    good = test.outcome == "passed" if test.duty != "must_fail" else test.outcome == "failed"
    tone = "" if test.duty == "other" else "good" if good else "bad"
    return TestLine(plain(test.test_id), test.outcome, _DUTIES[test.duty], tone)


def _tests_line(tests: Sequence[TestLine]) -> str:
    good = sum(test.tone == "good" for test in tests)
    return f"{good} of {show.plural(len(tests), 'test')} did what they must."


def _meter(call: CallRow) -> CallMeter:
    lost = "" if call.outcome == "ok" else (call.outcome or "never settled").replace("_", " ")
    prompt = output = ""
    if call.input_tokens is not None:
        prompt = f"{show.tokens(call.input_tokens)} in"
        if call.cached_input_tokens:
            prompt += f", {show.tokens(call.cached_input_tokens)} cached"
        output = f"{show.tokens(call.output_tokens or 0)} out"
        if call.reasoning_tokens:
            output += f", {show.tokens(call.reasoning_tokens)} reasoning"
    return CallMeter(show.usd(call.cost_usd), show.seconds(call.wall_s), prompt, output, lost)


def _marked(source: Source) -> Markup:
    """The peers with this page's own link marked."""
    own = Markup('href="{}"').format(page_name(source.row.id))
    return source.peers.replace(own, own + Markup(' aria-current="page"'), 1)


def _files(folder: Path) -> list[Link]:
    base = f"../../trials/{quote(folder.name)}"
    return [Link(name, f"{base}/{name}") for name in FILES if (folder / name).is_file()]
