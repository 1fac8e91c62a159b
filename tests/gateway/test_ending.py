"""A trial ends while a call of its agent still waits for its turn."""

import threading
from contextlib import suppress

from arena.records import RateLimits
from tests.gateway.rig import sessions
from tests.servers.openai_stub import text


def test_a_call_that_waits_when_the_door_shuts_is_never_sent():
    asked, answer = threading.Event(), threading.Event()

    def script(_):
        asked.set()
        assert answer.wait(60)
        return text("done")

    def post(asking, heard):
        with suppress(Exception):  # its client is closed under it
            heard.append(asking.post().status_code)

    def start(asking, heard):
        thread = threading.Thread(target=post, args=(asking, heard), daemon=True)
        thread.start()
        return thread

    with (
        sessions(script, rate=RateLimits(concurrency=1)) as made,
        made.open("first") as (_, asking),
    ):
        heard = []
        first = start(asking, heard)
        assert asked.wait(30)
        with made.open("second") as (_, other):
            waiting = start(other, [])
            waiting.join(0.5)
        answer.set()
        first.join(30)
        with made.open("third") as (_, last):
            heard.append(last.post().status_code)
    assert heard == [200, 200]
    assert [call.trial_id for call in made.book.begun] == ["first", "third"]
