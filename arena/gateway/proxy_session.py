"""One trial's way into the gateway: opened with its token, shut when the trial ends."""

import hashlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping

from arena.backend.call import Call, LimitReached
from arena.backend.chat import Prompt, encoded
from arena.backend.meter import TrialBackend
from arena.backend.replies import CallFailed
from arena.errors import FaultError, HarnessError, UncertainError
from arena.gateway import proxy_request
from arena.gateway.bridge import ByteBudget, ReplyBridge, RequestBody
from arena.gateway.proxy_request import BadProxyRequestError, Item, ProxyRequest
from arena.gateway.translator import Translator
from arena.protocols import CallTotals
from arena.records import Api, Ending, Stop

STATUS_OVER = 403
"""For a call that no limit allows: client libraries try 429 and 5xx again, but not this."""
LAST_CALLS_S = 30.0
"""How long calls that outlive their trial may take to tell what they cost."""
REFUSED_IN_A_ROW = 50
BROKEN_IN_A_ROW = 4
"""Calls after which a trial ends: the agent's fault, and the endpoint's. Agents give up later."""
SLOW_S = 30.0
"""An agent that leaves a call that has taken so long may have lost its patience."""
NOTED_DROPS = 50
"""Of one request: names of what does not go on."""
NOTED_PATHS = 20
"""Of one trial: paths at which nothing is served."""
_AGENTS_TO_MEND = frozenset({"context_overflow", "content_filter", "bad_request"})
"""What an agent may answer with a shorter or another request."""


class _OverError(Exception):
    """A call that is not made any more, in words for the agent."""

    def __init__(self, message: str, status: int = STATUS_OVER) -> None:
        super().__init__(message)
        self.status = status


class ProxySession:
    """Serves the calls of one trial, from several threads, until a limit or a fault ends it.

    It is the `arena.protocols.SandboxSession` of the agent's program.
    """

    origin = ""
    """Address inside the sandbox, once it leads here."""

    def __init__(self, backend: TrialBackend) -> None:
        self.token = secrets.token_urlsafe(24)
        self.backend = backend
        self.over = threading.Event()
        """Set when no further call can succeed."""
        self.stop: Stop | None = None
        self.fault: FaultError | None = None
        self.detail = ""
        self.budget = ByteBudget()
        agents_api = backend.spec.translated_from
        self.api: Api = agents_api or backend.spec.api
        """What the agent speaks here."""
        self._translator = None if agents_api is None else Translator(agents_api)
        self._change = threading.Condition()
        self._inside: dict[ReplyBridge, float] = {}
        """Calls on their way, and since when."""
        self._unserved: list[tuple[Prompt, FaultError]] = []
        """Calls that failed and were not made again with success."""
        self._last_failed = False
        self._shut = False
        self._is_written = True
        """Until the trial has ended."""
        self._failed_in_a_row = 0
        self._said: Counter[bytes] = Counter()
        self._strayed: set[str] = set()

    @property
    def metered(self) -> CallTotals:
        """All calls so far, those included that the agent has just heard the end of."""
        self.settled()
        return self.backend.tally

    @property
    def ending(self) -> Ending | None:
        """Why no further call can succeed; None while one can. Raises the fault that ended it."""
        self.settled()
        if not self.over.is_set():
            return None
        if self.fault is not None:
            raise self.fault
        return Ending(stop=self.stop or "agent_error", detail=self.detail)

    def check_end(self, *, clean: bool) -> None:
        """Raise the fault for which the agent's program ended, or may have where it is not `clean`.

        Raises:
            ProviderError: its last call failed at the provider.
            UncertainError: such a call was not made again, or was left after a long wait.
        """
        with self._change:
            self.settled()
            now = time.monotonic()
            slow = any(now - since > SLOW_S for since in self._inside.values())
            if self._unserved and self._last_failed and not slow:
                raise self._unserved[-1][1]
            if not clean and (slow or self._unserved):
                why = _slow() if slow else self._unserved[-1][1]
                raise UncertainError(f"the agent ended badly, perhaps since: {why}")

    @property
    def remaining_s(self) -> float:
        """Seconds that the agent has left."""
        return self.backend.clock.remaining_s

    def bridge(self, headers: Mapping[str, str]) -> ReplyBridge:
        """Takes the answer to a call; `headers` go with it to an endpoint of the agent's API."""
        return self._translator.bridge() if self._translator else ReplyBridge(self.api, headers)

    def serve(self, body: RequestBody, bridge: ReplyBridge) -> None:
        """Make one call and answer the agent, whatever happens; never raises."""
        try:
            request = proxy_request.read(bridge.api, body.whole())
            if request.model != (offered := self.backend.spec.model):
                name = proxy_request.brief(request.model)
                text = f"the model {name!r} is not offered, only {offered!r}"
                raise BadProxyRequestError(text, 404)  # noqa: TRY301 - answered as any other
            bridge.read(request)
            self._enter(bridge)
            self._serve(request, bridge)
        except BadProxyRequestError as error:
            self.refuse(bridge.api, str(error))
            bridge.fail(error.status, str(error))
        except _OverError as over:
            bridge.fail(over.status, str(over))
        except Exception as error:  # noqa: BLE001 - the agent waits, and the trial must end
            self.broke(error)
            bridge.break_off()
            bridge.fail(503, "the harness broke")
        finally:
            try:
                bridge.end()
            finally:
                self._leave(bridge)
                body.release()

    def refuse(self, api: Api, what: str) -> None:
        """Write down a request that went nowhere."""
        self._note(f"refused at the gateway ({api}): {what}")
        self._count_failure(REFUSED_IN_A_ROW, f"{REFUSED_IN_A_ROW} requests in a row were refused")

    def strayed(self, method: str, path: str) -> None:
        """Write down a request to where nothing is served; programs look for much that is not."""
        where = f"{method} {proxy_request.brief(path)}"
        with self._change:
            if where in self._strayed or len(self._strayed) >= NOTED_PATHS:
                return
            self._strayed.add(where)
        self._note(f"refused at the gateway: nothing is served at {where}")

    def broke(self, error: Exception) -> None:
        """End the trial with a fault: something of ours, or what it stands on, broke."""
        self._end(fault=error if isinstance(error, FaultError) else HarnessError(repr(error)))

    def close(self) -> None:
        """Let nobody in any more, nor on; wait for the calls sent to tell what they cost."""
        with self._change:
            self._shut = True
        self.backend.shut()
        with self._change:
            self._change.wait_for(lambda: not self._inside, LAST_CALLS_S)
            self._is_written = False

    def settled(self) -> None:
        """Wait until all that the agent has heard is accounted for."""
        with self._change:
            heard = {bridge for bridge in self._inside if bridge.ended}
            self._change.wait_for(lambda: heard.isdisjoint(self._inside), LAST_CALLS_S)

    def _serve(self, request: ProxyRequest, bridge: ReplyBridge) -> None:
        if self._translator:
            request = self._translator.request(request)
        most = self.backend.limits.output_tokens
        body, limit = proxy_request.prepared(request, self.backend.spec, most)
        self._say(request)
        try:
            reply = self.backend.perform(Call(request.prompt, body, limit, bridge))
        except LimitReached as reached:
            self._end(stop=reached.stop)
            raise _OverError(f"arena: {reached}; the trial is over") from None
        except CallFailed as failed:
            self._answer_failure(failed, bridge, request.prompt)
            return
        self._failed_in_a_row = 0
        self._served(request.prompt, bridge)
        self._tell(proxy_request.plain(reply.message))

    def _served(self, prompt: Prompt, bridge: ReplyBridge) -> None:
        """A call succeeded, and with it those that it makes again, if the agent waited for it."""
        with self._change:
            if bridge.left and time.monotonic() - self._inside[bridge] > SLOW_S:
                self._unserved.append((prompt, _slow()))
            elif not bridge.left:
                self._last_failed = False
                self._unserved = [one for one in self._unserved if not prompt.extends(one[0])]

    def _answer_failure(self, failed: CallFailed, bridge: ReplyBridge, prompt: Prompt) -> None:
        passed_on, fault = bridge.begun, self.backend.fault(failed)
        about_one = self.backend.is_about_one_call(failed)
        if failed.outcome in _AGENTS_TO_MEND and not failed.is_gone:
            self._count_failure(REFUSED_IN_A_ROW, f"{failed.outcome}: {failed.message}")
        elif not about_one and (stop := self.backend.stop_of(failed)) is not None:
            self._end(stop=stop)
        elif about_one or bridge.closed:
            with self._change:
                self._unserved.append((prompt, fault))
                self._last_failed = True
            self._count_failure(BROKEN_IN_A_ROW, failed.message, fault)
        else:
            self._end(fault=fault)
        told = b"" if self._translator else failed.body
        if not passed_on:
            status = failed.http_status or 0
            overflow = failed.outcome == "context_overflow"
            bridge.fail(status if status >= 400 else 502, told or failed.message, overflow=overflow)
        elif told:
            bridge.end(proxy_request.error_event(bridge.api, told))
        else:
            bridge.break_off()

    def _count_failure(self, most: int, detail: str, fault: FaultError | None = None) -> None:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= most:
            self._end(stop=None if fault else "agent_error", fault=fault, detail=detail)

    def _end(
        self, *, stop: Stop | None = None, fault: FaultError | None = None, detail: str = ""
    ) -> None:
        with self._change:
            if not self.over.is_set():
                self.stop, self.fault, self.detail = stop, fault, detail
        self.over.set()

    def _enter(self, bridge: ReplyBridge) -> None:
        with self._change:
            self.settled()  # an agent asks again before its last call is settled
            if self._shut:
                raise _OverError("the trial has ended", 401)
            self._inside[bridge] = time.monotonic()
        if self.fault is not None:
            raise _OverError("arena: the trial is over")

    def _leave(self, bridge: ReplyBridge) -> None:
        with self._change:
            self._inside.pop(bridge, None)
            self._change.notify_all()

    # ── transcript ─────────────────────────────────────────────────────────────────────────────

    def _say(self, request: ProxyRequest) -> None:
        """Write down what was not said before, in any of the agent's conversations."""
        times: Counter[bytes] = Counter()
        for turn in request.turns:
            raw = encoded(plain := proxy_request.plain(turn))
            times[raw] += 1
            if not proxy_request.is_models(turn) and self._is_new(raw, times[raw]):
                self._tell(plain)
        for name in map(proxy_request.brief, request.dropped[:NOTED_DROPS]):
            if self._is_new(encoded({"dropped": name})):
                self._note(f"not passed on to the endpoint: {name}")
        if (more := len(request.dropped) - NOTED_DROPS) > 0:
            self._note(f"not passed on to the endpoint: {more} more")

    def _tell(self, turn: Item) -> None:
        if turn:
            self._write("message", {"message": turn})

    def _is_new(self, raw: bytes, times: int = 1) -> bool:
        """Whether it was said fewer times before, in any conversation."""
        digest = hashlib.sha256(raw).digest()
        with self._change:
            if self._said[digest] >= times:
                return False
            self._said[digest] = times
            return True

    def _note(self, text: str) -> None:
        self._write("note", {"text": text})

    def _write(self, kind: str, record: dict[str, object]) -> None:
        with self._change:
            if self._is_written:
                self.backend.transcript.add(kind, record)


def _slow() -> UncertainError:
    return UncertainError(f"the agent left a call that had taken more than {SLOW_S:g} seconds")
