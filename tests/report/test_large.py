"""Ten thousand trials: the page stays small, is made soon and answers at once."""

import time
from dataclasses import replace

import pytest

from arena.report import page, pages, site
from arena.report.scored import score
from arena.score.load import load
from tests.report.cast import cast
from tests.report.looking import address, look
from tests.report.make_run import make_run

TRIALS = 10_000
MAX_BYTES = 5_000_000
INTERACTIVE_S = 2
BUILD_S = 30


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    brief = [replace(actor, steps=min(actor.steps, 3)) for actor in cast()]
    path = tmp_path_factory.mktemp("large") / "run"
    return make_run(path, tasks=100, attempts=10, actors=brief, files=False)


def test_the_page_is_small_and_answers_at_once(browser, large):
    started = time.process_time()
    scored = score(load(large))
    assert len(scored.results.trials) == TRIALS
    html = page.render(scored)
    assert time.process_time() - started < BUILD_S
    assert len(html.encode()) < MAX_BYTES
    index = large / "report" / "index.html"
    index.parent.mkdir(exist_ok=True)
    index.write_text(html)
    with look(browser, address(index)) as seen:
        # The main thread's own time, so that other work on the machine does not count.
        meter = seen.page.context.new_cdp_session(seen.page)
        meter.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy_s() -> float:
            metrics = meter.send("Performance.getMetrics")["metrics"]
            return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

        before_s = busy_s()
        seen.page.reload()
        seen.page.get_by_role("button", name="$ per attempt").click()
        assert seen.page.locator("#board th[aria-sort]").count() == 1
        assert 0 < busy_s() - before_s < INTERACTIVE_S
        assert seen.page.locator("a.mark").count() == TRIALS
        assert seen.troubles == []


@pytest.mark.slow
def test_all_pages_are_made_in_half_a_minute(tmp_path):
    run = make_run(tmp_path / "run", tasks=100, attempts=10)
    started = time.monotonic()
    results = load(run)
    site.build(results)
    assert time.monotonic() - started < BUILD_S
    assert len(list((run / "report" / "trials").glob("*.html"))) == TRIALS
    started = time.monotonic()
    assert pages.write(results, run / "report" / "trials") == 0
    assert time.monotonic() - started < BUILD_S / 3
