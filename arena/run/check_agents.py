"""Whether an agent's profile works here: installed, started once, answered without a model."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from arena.agent import external
from arena.backend import apis
from arena.backend.call import Relay, RetryPolicy
from arena.backend.chat import encoded
from arena.backend.limiter import AgentClock, Limiter, LocalRequestGate
from arena.backend.meter import CallOwner, Endpoint, TrialBackend
from arena.errors import FaultError
from arena.gateway.server import Gateway, ProxyBackend
from arena.money.budget import TrialBudget
from arena.records import (
    BackendSpec,
    Brief,
    Budget,
    CallBegin,
    CallEnd,
    Limits,
    RateLimits,
    Reply,
    SandboxLimits,
)
from arena.records.container import AGENT_USER, HOME
from arena.records.program import Program
from arena.registry import unknown
from arena.sandbox.docker import Say
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.sandbox.image.layer import Layers
from arena.serialize import read_json
from arena.task import pack

MODEL = "check-1"
ANSWERS = Path(__file__).with_name("answers.json")
"""That there is nothing to do, as a stream of each API."""
IMAGE = "python"
LIMITS = Limits(seconds=180, steps=5)
STATEMENT = "Answer at once: there is nothing to do."


def checked(
    names: Sequence[str], paths: Sequence[Path], *, say: Say
) -> Iterator[tuple[str, str | None]]:
    """Each agent's name and what is wrong with it; None when it called its model and ended.

    Without names all are checked, those of the profiles at `paths` among them. An unknown name or a
    profile that does not fit the form is an `InputError`.
    """
    known = external.load(paths)
    for name in names:
        if name not in known:
            raise unknown("agent", name, known)
    with DockerEngine.answering() as engine, Gateway() as gateway:
        images = Images(engine, pack.tree_files)
        image = images.ensure_languages([IMAGE])[IMAGE]
        base = images.ensure_base()
        for name in names or list(known):
            try:
                layer = Layers(engine.connection).ensure(name, known[name].install, base, say)
                yield name, _try(known[name], engine, gateway, image.id, layer.id)
            except FaultError as error:
                yield name, str(error)


def _try(
    program: Program, engine: DockerEngine, gateway: Gateway, image: str, layer: str
) -> str | None:
    notes = _Notes()
    spec = BackendSpec(name="check", model=MODEL, base_url="http://127.0.0.1", api=program.api[0])
    backend = TrialBackend(
        endpoint=Endpoint(spec, _Answering(), RetryPolicy(), fx=()),
        gate=LocalRequestGate(TrialBudget(Budget()), Limiter(RateLimits()), notes),
        owner=CallOwner("check", 1, program.name),
        limits=LIMITS,
        transcript=notes,
        clock=AgentClock(LIMITS.seconds),
    )
    session = ProxyBackend(gateway, backend)
    brief = Brief(task_id="check", problem_statement=STATEMENT, limits=LIMITS, nonce="check")
    limits = SandboxLimits()
    with engine.open(
        image, limits=limits, labels={}, user=AGENT_USER, workdir=HOME, layer=layer
    ) as box:
        ending = external.make(program, {}).solve(brief, box, session, notes)
    if ending.stop in {"submitted", "gave_up"} and backend.tally.steps:
        return None
    return f"{ending.stop}: {ending.detail or notes.last}"


class _Answering:
    """A `Sender` that says the same to everybody."""

    def send(
        self, spec: BackendSpec, body: bytes, *, timeout_s: float, relay: Relay | None = None
    ) -> Reply:
        """The one answer there is, whole or as a stream."""
        del body, timeout_s
        dialect = apis.DIALECTS[spec.api]
        events = read_json(ANSWERS)[spec.api]
        if relay and relay.streamed:
            for event in events:
                relay.event(_raw(event), event)
            if spec.api == "chat":
                relay.event(b"data: [DONE]\n\n", None)
        whole = dialect.assemble(events)
        if relay and not relay.streamed:
            relay.whole(encoded(whole))
        return dialect.parse_reply(whole, spec.quirks)


def _raw(event: Mapping[str, JsonValue]) -> bytes:
    head = f"event: {event['type']}\n".encode() if "type" in event else b""
    return head + b"data: " + encoded(dict(event)) + b"\n\n"


class _Notes:
    """A call log and a transcript that keep the last note."""

    last = ""

    def begin(self, call: CallBegin) -> None:
        """Nothing is billed here."""

    def end(self, call: CallEnd) -> None:
        """Nothing is billed here."""

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """Keep what a note says."""
        if kind == "note":
            self.last = " ".join(str(record.get("text")).split())[-300:]
