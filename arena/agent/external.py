"""An agent that is a program of its own: run in its trial's container, its own account checked.

Whatever it says of itself, the patch is the diff that is taken afterwards and the cost is what the
gateway metered. Its crash, its early end and its time-out are outcomes.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import JsonValue

from arena.errors import FaultError, HarnessError, InputError
from arena.protocols import (
    Agent,
    Backend,
    CallTotals,
    Pipe,
    Sandbox,
    SandboxBackend,
    SandboxSession,
    Transcript,
)
from arena.records import AgentCapabilities, Brief, Ending, File, Flag, Task, digest_of
from arena.records.container import AGENT_UID, HOME
from arena.records.outcome import KILLED, NO_CALL
from arena.records.program import OwnReport, Program, problems
from arena.registry import AGENTS, code_of, unknown
from arena.serialize import from_json, read_toml, shaped

SHARE = Decimal("0.1")
"""Of what was metered that the agent's own count may differ by."""
LEAST_TOKENS = Decimal(500)
LEAST_USD = Decimal("0.01")
LARGEST = Decimal(10) ** 15
"""A larger number is no count."""


def flags(report: OwnReport, told: str, metered: CallTotals) -> tuple[Flag, ...]:
    """Flags for counts in the agent's words that differ; none where it tells nothing."""
    objects = list(_objects(told))
    prompt, output = Decimal(metered.prompt_tokens), Decimal(metered.output_tokens)
    compared = [
        ("{:.0f} prompt tokens", report.input_tokens, prompt, LEAST_TOKENS),
        ("{:.0f} output tokens", report.output_tokens, output, LEAST_TOKENS),
    ]
    if metered.cost_usd:
        compared.append(("{:.4f} USD", report.cost_usd, metered.cost_usd, LEAST_USD))
    return tuple(
        Flag(kind="own_report", detail=f"it counts {form.format(own)}, not {form.format(right)}")
        for form, paths, right, least in compared
        if (own := _last(objects, paths)) is not None
        and abs(own - right) > max(least, SHARE * right)
    )


def _objects(text: str) -> Iterator[object]:
    """JSON Lines from the last to the first, or the text as a whole."""
    for line in reversed([text, *re.split(r"[\r\n]", text)]):  # JSON may hold what else ends lines
        if line.lstrip().startswith("{"):
            try:
                yield from_json(line, parse_float=Decimal)
            except (ValueError, ArithmeticError):
                continue


def _last(told: Iterable[object], paths: Sequence[str]) -> Decimal | None:
    """The sum at the paths, in the last object that has any of them."""
    for one in told:
        found = [value for path in paths if (value := _at(one, path)) is not None]
        if found:
            return sum(found, Decimal(0))
    return None


def _at(value: object, path: str) -> Decimal | None:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if abs(number) < LARGEST else None


SHIPPED = Path(__file__).parent / "profiles"


def load(paths: Sequence[Path] = ()) -> dict[str, Program]:
    """Profiles by name; those in files, or folders of files, add to the shipped or replace them.

    Raises `InputError` where a file cannot be read or does not fit the form, or has the name of a
    built-in agent or of another file in the folder.
    """
    found: dict[str, Program] = {}
    for path in (SHIPPED, *paths):
        files: dict[str, Path] = {}
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            program = read(file)
            if other := files.get(program.name):
                what = f"{other.name} is called {program.name!r} too"
                raise InputError(what, where=str(file), remedy="choose another name")
            files[program.name] = file
            found[program.name] = program
    return dict(sorted(found.items()))


def read(file: Path) -> Program:
    """One profile."""
    program = shaped(read_toml(file), Program, where=str(file))
    if wrong := next(problems(program), None):
        raise InputError(wrong, where=str(file))
    if program.name in AGENTS:
        what = f"{program.name!r} is a built-in agent"
        raise InputError(what, where=str(file), remedy="choose another name")
    return program


POLL_S = 0.2
LOOK_S = 2.0
LAST_WORDS_S = 2.0
"""After the gateway said that the trial is over, before the container is killed."""
KEPT_BYTES = 1_000_000
SHOWN_CHARS = 4_000
REPORT_BYTES = 4_000_000
SIGNALS = 65
"""A program that a signal ends leaves 128 and its number, which is below this."""
ARGUMENT_BYTES = 130_000
"""Linux takes 32 pages of 4 KiB in one argument (execve(2)); the rest is for what is around it."""

TASK = """\
The repository in {workdir}, your working directory, has a bug.

<issue>
{problem_statement}
</issue>

Change the source so that the behaviour described in the issue is right in general, not only for
the example in it. Hidden tests will check it. Do not change tests or test configuration: such
changes are discarded. There is no network, and nobody to ask: work until it is done.
"""


class ExternalAgent:
    """One program, started once."""

    def __init__(self, program: Program, params: Mapping[str, str]) -> None:
        self._program = program
        self._params = params

    def solve(
        self, brief: Brief, sandbox: Sandbox, backend: Backend, transcript: Transcript
    ) -> Ending:
        """Start the program and wait until it ends, or a limit is reached."""
        program = self._program
        if not isinstance(backend, SandboxBackend):
            raise HarnessError(f"{program.name} was given no gateway")
        with backend.open(sandbox) as session:
            fill = self._filling(brief, backend, session)
            written = [File(path=fill(f.path), data=fill(f.text).encode()) for f in program.files]
            sandbox.put([File(path=f"{HOME}/.arena", data=b""), *written], owner=AGENT_UID)
            env = [f"HOME={HOME}", *(f"{name}={fill(to)}" for name, to in program.env.items())]
            argv = ["/usr/bin/env", *env, *map(fill, program.command)]
            output = _Output()
            with sandbox.pipe(argv, with_input=bool(program.stdin)) as pipe:
                if program.stdin:
                    pipe.send(fill(program.stdin).encode(), last=True)
                ending = _watch(pipe, session, output)
                if ending is None:
                    ending = self._ended(pipe.exit_code(), session, output, sandbox.resource_ended)
            sandbox.kill()
            transcript.add("note", {"text": f"the agent's output:\n{output.tail(SHOWN_CHARS)}"})
            if program.report is None:
                return ending
            in_file = program.report.source == "file"
            told = _read(sandbox, fill(program.report.path)) if in_file else output.text
            found = flags(program.report, told, session.metered)
            return ending.model_copy(update={"flags": found})

    def _filling(
        self, brief: Brief, backend: SandboxBackend, session: SandboxSession
    ) -> Callable[[str], str]:
        """Fills placeholders; every other brace stays as it is."""
        values = {
            **self._params,
            "model": backend.model,
            "origin": session.origin,
            "base_url": f"{session.origin}/v1",
            "token": session.token,
            "home": HOME,
            "workdir": brief.workdir,
            "context_window": str(backend.context_window or DEFAULT_CONTEXT),
            "output_tokens": str(brief.limits.output_tokens),
            "prompt": TASK.format(
                workdir=brief.workdir, problem_statement=brief.problem_statement.strip()
            ),
        }
        pattern = re.compile("|".join(rf"\{{{re.escape(name)}\}}" for name in values))
        return lambda text: pattern.sub(lambda found: values[found[0][1:-1]], text)

    def _ended(
        self, code: int | None, session: SandboxSession, output: "_Output", limit: str | None
    ) -> Ending:
        """What the program's own end means; `limit` is what its container ran out of."""
        if (over := session.ending) is not None:
            return over
        finish, steps = self._program.finish, session.metered.steps
        short = f"its container ran out of {limit}" if limit else ""
        ending = Ending(stop="submitted")
        if code is None:
            ending = Ending(stop="container_ended", detail=short)
        elif code not in finish.exit_codes:
            last = " / ".join(output.tail(300).split("\n")[-3:])
            left = f"exit code {code}"
            if 0 < code - 128 < SIGNALS:
                left = f"{KILLED}{code - 128} ({left})"
            elif steps == 0:
                left = f"{NO_CALL} ({left})"
            told = "; ".join(filter(None, (left, short)))
            ending = Ending(stop="agent_error", detail=f"{told}: {last}")
        elif steps == 0:
            ending = Ending(stop="agent_error", detail=NO_CALL)
        elif finish.submitted and not re.search(finish.submitted, output.text):
            ending = Ending(stop="gave_up", detail="it ended without saying that it is done")
        clean = ending.stop == "submitted"
        if not limit and not (clean and finish.submitted):
            session.check_end(clean=clean)
        return ending


DEFAULT_CONTEXT = 128_000
"""Told to agents that must know, where the catalogue does not say."""


class _Output:
    """The last of what a program prints, both streams as they come."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * KEPT_BYTES:
            del self._kept[:-KEPT_BYTES]

    @property
    def text(self) -> str:
        return self._kept[-KEPT_BYTES:].decode("utf-8", "replace")

    def tail(self, chars: int) -> str:
        return self.text.strip()[-chars:]


def _watch(pipe: Pipe, session: SandboxSession, output: _Output) -> Ending | None:
    """Wait for the program's end; an ending when a limit came first."""
    over_at: float | None = None
    looked_at, was_gone = time.monotonic(), False
    while True:
        pieces = pipe.read(time.monotonic() + POLL_S)
        if pieces == []:
            return None
        for _, data in pieces or ():
            output.add(data)
        if time.monotonic() - looked_at > LOOK_S:  # what it left behind may hold its output open
            looked_at, is_gone = time.monotonic(), not pipe.running()
            if is_gone and (was_gone or pieces is None):
                return None
            was_gone = is_gone
        if session.remaining_s <= 0:
            return session.ending or Ending(stop="seconds")
        if (ending := session.ending) is not None:
            over_at = over_at or time.monotonic()
            if time.monotonic() - over_at > LAST_WORDS_S:
                return ending


def _read(sandbox: Sandbox, path: str) -> str:
    """A file that the agent wrote, or nothing: of a socket, say, the engine sends no copy."""
    try:
        return sandbox.get(path, limit=REPORT_BYTES).data.decode("utf-8", "replace")
    except FaultError:
        return ""


def make(program: Program, params: Mapping[str, JsonValue]) -> Agent:
    """The agent of a profile; raises `InputError` on parameters that the profile does not have."""
    where = f"params of agent {program.name}"
    for name, value in params.items():
        if name not in program.params:
            raise unknown("parameter", name, program.params, where=where)
        if isinstance(value, dict | list) or value is None:
            raise InputError(f"{name} must be text, a number or a boolean", where=where)
        if "\0" in str(value):
            raise InputError(f"{name} holds a NUL", where=where)
    # A boolean as JSON has it, which most programs take.
    given = {k: json.dumps(v) if isinstance(v, bool) else str(v) for k, v in params.items()}
    return ExternalAgent(program, {**program.params, **given})


def check_tasks(program: Program, tasks: Iterable[Task]) -> None:
    """Raise `InputError` where a program's prompt is an argument and a task does not fit in one."""
    holders = [word for word in (*program.command, *program.env.values()) if "{prompt}" in word]
    for task in tasks if holders else ():
        size = len((TASK + task.problem_statement).encode())
        if size > ARGUMENT_BYTES or "\0" in task.problem_statement:
            raise InputError(
                f"{program.name} takes its task as an argument, which holds up to "
                f"{ARGUMENT_BYTES:,} bytes and no NUL; the statement of {task.id} does not fit",
                remedy="leave the task or the agent out",
            )


def capabilities(program: Program) -> AgentCapabilities:
    """What a program of its own needs."""
    return AgentCapabilities(label=program.label, apis=program.api, needs_gateway=True)


def identity(program: Program) -> JsonValue:
    """All that could change a result besides the parameters."""
    return [code_of(__name__), program.identity]


def earlier_identity(program: Program) -> JsonValue:
    """As the first version of Arena wrote it, which counted its code by a number."""
    return [1, program.identity, TASK, digest_of(HOME)]
