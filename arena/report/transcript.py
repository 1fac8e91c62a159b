"""A trial as it went: its calls and tests from the ledger, its conversation from the transcript,
which is read leniently: unknown entries become notes, a broken line is named.
"""

import json
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pydantic import JsonValue

from arena.money.prices import CallCost
from arena.money.statement import RecordedCall, statements
from arena.paths import AnyPath, safe
from arena.records import CallBegin, CallEnd, TestOutcome, TestPlan, TrialRecord
from arena.report import format as show
from arena.report.format import plain
from arena.rundir import ledger, transcript
from arena.rundir.directory import RunDir
from arena.score.results import Results, TrialRow
from arena.serialize import from_json, json_lines

Duty = Literal["fail_to_pass", "pass_to_pass", "must_fail", "other"]


class PricedCall(NamedTuple):
    """One attempt of a model call."""

    begin: CallBegin
    end: CallEnd | None
    """None: announced and never settled."""
    cost: CallCost | None
    """None is unknown."""


class TestRow(NamedTuple):
    """One hidden test and the trial that it judged."""

    trial: TrialRow
    test_id: str
    duty: Duty
    outcome: TestOutcome

    @property
    def tone(self) -> Literal["good", "bad", ""]:
        """Whether it did what it must; empty where nothing is asked of it."""
        if self.duty == "other":
            return ""
        wanted = "failed" if self.duty == "must_fail" else "passed"
        return "good" if self.outcome == wanted else "bad"


@dataclass(slots=True)
class TrialDetails:
    """Calls and last record of one trial."""

    row: TrialRow
    calls: list[PricedCall] = field(default_factory=list)
    record: TrialRecord | None = None
    tries: int = 0
    ended: bool = False
    """The last try."""

    @property
    def complete(self) -> bool:
        """Whether the ledger has told everything that the row counts."""
        row = self.row
        return self.ended and self.tries == row.tries and len(self.calls) == row.calls


def read_details(results: Results, wanted: Collection[str]) -> Iterator[TrialDetails]:
    """Each wanted trial as soon as it is complete, so that few are in memory at once.

    Trials with calls that never settled, or that share a machine paid by the hour, come last.
    """
    waiting = {row.id: TrialDetails(row) for row in results.trials if row.id in wanted}
    if not waiting:
        return
    manifest = results.manifest
    backends = {c.name: c.backend for c in manifest.contestants if c.backend}
    begun: dict[str, CallBegin] = {}
    late: list[RecordedCall] = []  # calls that only all together can be priced

    def priced(calls: list[RecordedCall]) -> list[PricedCall]:
        money = statements(calls, backends, fx=manifest.fx)
        return [PricedCall(*call, one.cost) for call, one in zip(calls, money, strict=True)]

    for event in ledger.read(RunDir(results.path).ledger_path):
        found: TrialDetails | None = None
        match event:
            case ledger.TrialBegin(spec=spec) if trial := waiting.get(spec.id):
                trial.tries, trial.ended = trial.tries + 1, False
            case ledger.CallBeginEvent(call=begin) if begin.contestant in backends:
                begun[begin.call_id] = begin
            case ledger.CallEndEvent(call=end) if sent := begun.pop(end.call_id, None):
                call = RecordedCall(sent, end)
                if backends[sent.contestant].hourly_usd is not None:
                    late.append(call)
                elif found := waiting.get(sent.trial_id):
                    found.calls += priced([call])
            case ledger.TrialEnd(record=record) if found := waiting.get(record.id):
                found.record, found.ended = record, True
        if found is not None and found.complete:
            yield waiting.pop(found.row.id)
    late += [RecordedCall(sent, None) for sent in begun.values()]
    for one in priced(late):
        if trial := waiting.get(one.begin.trial_id):
            trial.calls.append(one)
    yield from waiting.values()


def tests_of(trial: TrialRow, record: TrialRecord, plan: TestPlan) -> Iterator[TestRow]:
    """Outcomes of a trial's tests, those that decide first."""
    seen = record.verification.tests if record.verification else {}
    if not seen:
        return
    duties: dict[str, Duty] = {
        **dict.fromkeys(plan.fail_to_pass, "fail_to_pass"),
        **dict.fromkeys(plan.pass_to_pass, "pass_to_pass"),
        **dict.fromkeys((test for test in plan.must_fail if test in seen), "must_fail"),
    }
    for test_id in (*duties, *(test for test in seen if test not in duties)):
        outcome = seen.get(test_id, "missing")
        yield TestRow(trial, test_id, duties.get(test_id, "other"), outcome)


MAX_TEXT_CHARS = 20_000


class ShownCall(NamedTuple):
    """A tool call; `body` is the command where the tool is a shell, else the raw arguments."""

    name: str
    body: str
    is_command: bool


class Turn(NamedTuple):
    """One message with the ids of the model calls that led to it, retried ones included."""

    line: int
    role: str
    text: str
    thinking: str = ""
    actions: tuple[ShownCall, ...] = ()
    call_ids: tuple[str, ...] = ()
    command: str = ""
    """How the command ended whose output this is, and how long it ran."""


@dataclass(slots=True)
class _Reader:
    turns: list[Turn] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    command: Turn | None = None
    """A command that no message has answered yet."""

    def feed(self, line: int, entry: JsonValue) -> None:
        message = entry.get("message") if isinstance(entry, dict) else None
        if not isinstance(entry, dict):
            self.note(line, json.dumps(entry))
        elif isinstance(message, dict):
            for said in transcript.plain(message):
                self._message(line, said)
        elif entry.get("kind") == "call":
            self.pending.append(str(entry.get("call_id", "")))
        elif entry.get("kind") == "command":
            self.flush()
            action = ShownCall("command", shown_text(_command_line(entry)), is_command=True)
            self.command = Turn(line, "command", "", actions=(action,), command=_ended(entry))
        else:
            self.flush()
            self.note(line, _shown(entry), role=str(entry.get("kind", "note")))

    def flush(self) -> None:
        """Show a command that an agent ran of its own accord, without a message about it."""
        if self.command is not None:
            self.turns.append(self.command)
            self.command = None

    def note(self, line: int, text: str, role: str = "note") -> None:
        self.turns.append(Turn(line, plain(role), shown_text(text)))

    def unreadable(self, line: int, _what: str) -> None:
        self.note(line, f"line {line} of the transcript cannot be read")

    def _message(self, line: int, message: dict[str, JsonValue]) -> None:
        role, ended = str(message.get("role", "unknown")), ""
        calls: tuple[str, ...] = ()
        if role == "assistant":
            self.flush()
            calls, self.pending = tuple(self.pending), []
        elif self.command is not None:
            ended, self.command = self.command.command, None
        thinking = message.get("reasoning_content") or message.get("reasoning")
        turn = Turn(
            line=line,
            role=plain(role),
            text=shown_text(text_of(message.get("content"))),
            thinking=shown_text(text_of(thinking or None)),
            actions=tuple(_actions(message.get("tool_calls"))),
            call_ids=calls,
            command=ended,
        )
        self.turns.append(turn)


def read_conversation(path: AnyPath) -> list[Turn] | None:
    """The conversation of a trial; None without a file."""
    reader = _Reader()
    try:
        for number, entry in json_lines(safe(path).lines(), reader.unreadable):
            reader.feed(number, entry)
    except FileNotFoundError:
        return None
    reader.flush()
    if reader.pending:
        reader.turns.append(Turn(0, "note", "", call_ids=tuple(reader.pending)))
    return reader.turns


def shown_text(text: str) -> str:
    """Plain text; the middle of a very long one is left out, and said to be."""
    text, half = plain(text).strip("\n"), MAX_TEXT_CHARS // 2
    if (left := len(text) - 2 * half) <= 0:
        return text
    said = f"{left} characters are left out here; the file has them all."
    return f"{text[:half]}\n\n{said}\n\n{text[-half:]}"


def _shown(entry: dict[str, JsonValue]) -> str:
    """An entry that is no message: its words where it has only such, else all of it."""
    rest = {k: v for k, v in entry.items() if k not in {"kind", "at"} and v not in ("", None, 0)}
    if set(rest) <= {"text", "stop", "detail"}:
        return ": ".join(str(value).replace("_", " ") for value in rest.values())
    return json.dumps(rest, ensure_ascii=False)


def _command_line(entry: dict[str, JsonValue]) -> str:
    argv = entry.get("argv")
    if not isinstance(argv, list):
        return _shown(entry)
    parts = [str(part) for part in argv]
    return parts[2] if len(parts) == 3 and parts[1] == "-c" else shlex.join(parts)


def _ended(entry: dict[str, JsonValue]) -> str:
    ended, wall_s = entry.get("ended"), entry.get("wall_s")
    how = f"exit code {entry.get('exit_code')}" if ended == "exited" else str(ended)
    took = f" after {show.seconds(wall_s)}" if isinstance(wall_s, int | float) else ""
    return plain(how.replace("_", " ")) + took


def text_of(content: JsonValue) -> str:
    """The text of a message's content, whether a string, a part of one, or a list of parts."""
    if isinstance(content, list):
        return "\n".join(map(text_of, content))
    if isinstance(content, dict):
        texts = (content.get(key) for key in ("text", "thinking", "summary"))
        content = next((text for text in texts if isinstance(text, str)), content)
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content, ensure_ascii=False)


def _actions(calls: JsonValue) -> Iterator[ShownCall]:
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            body = shown_text(json.dumps(call, ensure_ascii=False))
            yield ShownCall("call", body, is_command=False)
            continue
        name, arguments = plain(str(function.get("name", ""))), function.get("arguments")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        command = _command(text)
        yield ShownCall(name, shown_text(text if command is None else command), command is not None)


def _command(arguments: str) -> str | None:
    try:
        values = from_json(arguments)
    except ValueError:
        return None
    command = values.get("command") if isinstance(values, dict) else None
    return command if isinstance(command, str) else None
