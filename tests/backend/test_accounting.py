"""What was served is what is written down, to the token, whatever goes wrong on the way."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from arena.money.prices import SHIPPED_FX
from arena.money.statement import RecordedCall, statements
from arena.rundir import ledger
from tests.backend import trouble
from tests.backend.rig import Book
from tests.servers.openai_stub import Answer, error, fault
from tests.servers.vendor import Vendor, bash

GOOD = Answer()
FAULTS = [
    error(429, Retry_After="0.001"),
    error(500),
    error(503),
    "quota-like",
    fault("hang"),
    fault("cut"),
    fault("drip", drip_s=0.01),
    fault("garbage"),
    fault("close"),
    replace(GOOD, usage=None),
    replace(GOOD, choices=[]),
    replace(GOOD, choices=[], usage=None),
    replace(GOOD, choices=[{"message": None}]),
]


def faults(seed, share):
    """The same trouble for the same seed: about `share` of all requests go wrong."""

    def wanted(number):
        dice = random.Random(f"{seed}-{number}")
        kind = dice.choice(FAULTS) if dice.random() < share else None
        return error(529) if kind == "quota-like" else kind

    return wanted


def turns(request):
    return bash(f"echo turn {request.turn}")


def audit(vendor, calls, spec):
    """The identity for every trial; how many calls are settled.

    What is settled was told exactly so; what was told and is not settled (it arrived after the
    deadline, or the worker was dead by then) is among the calls that may have been billed.
    """
    found = statements(calls, {"c": spec}, fx=SHIPPED_FX)
    announced, served, doubtful = Counter(), Counter(), Counter()
    settled_tokens, bound_tokens, served_tokens = Counter(), Counter(), Counter()
    exact, told = defaultdict(list), defaultdict(list)
    for call, statement in zip(calls, found, strict=True):
        trial = call.begin.trial_id
        announced[trial] += 1
        used = call.end.usage if call.end else None
        if used is not None and not used.estimated:
            assert not statement.possibly_billed
            settled_tokens[trial] += used.prompt + used.output
            exact[trial].append((used.prompt, used.cache_read, used.output))
        else:
            assert statement.possibly_billed
            doubtful[trial] += 1
            bound_tokens[trial] += statement.bound_tokens
    for made in vendor.truth:
        trial = made.request.messages[0]["content"].removeprefix("trial ")
        served[trial] += 1
        served_tokens[trial] += made.prompt + made.output
        if made.told:
            told[trial].append((made.prompt, made.cached, made.output))
    for trial in served:
        assert served[trial] <= announced[trial], "served, and never announced"
        low, high = settled_tokens[trial], settled_tokens[trial] + bound_tokens[trial]
        assert low <= served_tokens[trial] <= high
        assert not Counter(exact[trial]) - Counter(told[trial])
        missing = Counter(told[trial]) - Counter(exact[trial])
        assert missing.total() <= doubtful[trial]
    return sum(len(e) for e in exact.values())


def test_thousands_of_calls_add_up_to_the_last_token():
    book = Book()
    with Vendor("deepseek", turns, faults=faults("a", 0.15)) as vendor:
        spec = vendor.spec().model_copy(update={"request_timeout_s": 0.5})
        trouble.run(spec, book, [f"t{n}" for n in range(48)])
        settled = audit(vendor, book.calls(), spec)
    assert len(book.begun) > 3000
    assert settled > 2700
    assert len({e.outcome for e in book.ends}) >= 6
    assert sum(e.outcome == "ok" for e in book.ends) == 48 * 60


@pytest.mark.parametrize("seed", [1, 2])
def test_a_worker_killed_again_and_again_leaves_nothing_out(tmp_path, seed):
    path = tmp_path / "ledger.jsonl"
    dice = random.Random(seed)
    with Vendor("zai", turns, faults=faults(seed, 0.1)) as vendor:
        rate = {"concurrency": None}
        vendor.sheet = replace(vendor.sheet, concurrency=None)
        spec = vendor.spec()
        spec = spec.model_copy(
            update={"request_timeout_s": 0.5, "rate": spec.rate.model_copy(update=rate)}
        )
        for session in range(4):
            command = [sys.executable, "-m", "tests.backend.trouble", spec.model_dump_json()]
            worker = subprocess.Popen([*command, str(path), "200", f"s{session}"])
            before = len(vendor.stub.requests)
            while len(vendor.stub.requests) < before + 100:
                assert worker.poll() is None, "the worker ended before it could be killed"
                time.sleep(0.01)
            time.sleep(dice.random() * 0.5)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        time.sleep(0.3)  # requests on their way still arrive
        ends, begins = {}, []
        for event in ledger.read(path):
            if isinstance(event, ledger.CallBeginEvent):
                begins.append(event.call)
            elif isinstance(event, ledger.CallEndEvent):
                ends[event.call.call_id] = event.call
        calls = [RecordedCall(b, ends.get(b.call_id)) for b in begins]
        assert audit(vendor, calls, spec) > 300
    unsettled = [c for c in calls if c.end is None]
    assert len(calls) > 400
    assert 4 <= len(unsettled) <= 4 * trouble.THREADS
