"""What the gateway adds to a call, with many streams at once.

    PYTHONPATH=. .venv/bin/python tests/benchmarks/gateway.py [streams]

Every stream asks a scripted endpoint again and again, directly and through the gateway in turn; both
ways end at the same server in a process of its own, which writes events on a schedule. Added is the
difference of the medians of time to the first byte, to the first word of the answer, and to the last
byte. The first events of a stream say nothing, and the gateway holds them until one does.
"""

import multiprocessing
import random
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from arena.backend.limiter import AgentClock
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.gateway.proxy_session import ProxySession
from arena.gateway.server import Gateway
from arena.money.budget import Budgets
from arena.records import BackendSpec, Budget, Limits
from arena.rundir.ledger import Ledger
from arena.rundir.transcript import TranscriptFile
from tests.gateway.rig import PATHS, request
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import text

SPAWN = multiprocessing.get_context("spawn")
CALLS = 20
WORD = b"word"
"""What every answer is made of."""
PARTS = (0, 1, 2)
"""First byte, first word, last byte."""
PAUSE_S = 0.5
"""Between the calls of one stream, in the mean: agents run commands too, and not in step."""


def serve(address):
    """The scripted endpoint."""
    answer = text(f"{WORD.decode()} " * 60, delay_s=0.2, fault="pace", drip_s=0.01)
    with ManyStub(lambda _: answer) as stub:
        address.put(stub.base_url)
        threading.Event().wait()


def one(client, url, headers, api):
    """Seconds to the first byte, the first word and the last byte of one streamed call."""
    started = time.perf_counter()
    first = word = None
    seen = b""
    told = {"stream_options": {"include_usage": True}} if api == "chat" else {}
    body = request(api, stream=True, **told)
    with client.stream("POST", url, json=body, headers=headers) as got:
        for piece in got.iter_raw():
            first = first or time.perf_counter() - started
            if word is None:
                seen += piece
                word = time.perf_counter() - started if WORD in seen else None
    assert got.status_code == 200
    return first, word, time.perf_counter() - started


def stream(ways, api):
    """One agent: direct and through the gateway in turn."""
    found = {name: [] for name in ways}
    with httpx2.Client(timeout=60, verify=False) as client:
        for _ in range(CALLS):
            for name, (url, headers) in ways.items():
                found[name].append(one(client, url, headers, api))
                time.sleep(random.uniform(0, 2 * PAUSE_S))
    return found


def agents(streams, ways, api, answer):
    """All agents, in a process of their own."""
    with ThreadPoolExecutor(streams) as pool:
        answer.put(list(pool.map(lambda _: stream(ways, api), range(streams))))


def measure(streams, api, base_url, folder):
    """Medians in milliseconds, direct and through the gateway."""
    spec = BackendSpec(name="bench", model="m", base_url=base_url, api=api)
    limits = Limits(steps=100_000, seconds=3600)
    with (
        Backends([spec], fx=()) as pool,
        Ledger(folder / f"{api}.jsonl") as ledger,
        Gateway() as gateway,
        TranscriptFile(folder / f"{api}-transcript.jsonl") as transcript,
    ):
        backend = TrialBackend(
            endpoint=pool.endpoint(spec),
            gate=pool.gate(spec, Budgets(limits, Budget(), {}, {}).open_trial("c"), ledger),
            owner=CallOwner("t", 1, "c"),
            limits=limits,
            transcript=transcript,
            clock=AgentClock(3600),
        )
        session = ProxySession(backend)
        host, port = gateway.address
        ways = {
            "direct": (base_url.removesuffix("/v1") + PATHS[api], {"anthropic-version": "1"}),
            "gateway": (
                f"http://{host}:{port}{PATHS[api]}",
                {"authorization": f"Bearer {session.token}", "anthropic-version": "1"},
            ),
        }
        with gateway.serving(session):
            answer = SPAWN.Queue()
            SPAWN.Process(target=agents, args=(streams, ways, api, answer)).start()
            runs = answer.get()
    return {
        name: tuple(
            statistics.median(times[part] for run in runs for times in run[name]) * 1000
            for part in PARTS
        )
        for name in ways
    }


def main():
    streams = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    address = SPAWN.Queue()
    server = SPAWN.Process(target=serve, args=(address,), daemon=True)
    server.start()
    base_url = address.get()
    print(
        f"{streams} streams, {CALLS} calls each; medians in ms: first byte / first word / last byte"
    )
    with TemporaryDirectory() as folder:
        for api in PATHS:
            found = measure(streams, api, base_url, Path(folder))
            found["added"] = [found["gateway"][part] - found["direct"][part] for part in PARTS]
            shown = (k + "".join(f" {v[part]:6.1f}" for part in PARTS) for k, v in found.items())
            print(f"{api:10} {'   '.join(shown)}")
    server.terminate()


if __name__ == "__main__":
    main()
