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
INTERACTIVE_MS = 2_000
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
        seen.page.get_by_role("button", name="$ per attempt").click()
        assert seen.page.locator("#board th[aria-sort]").count() == 1
        interactive = "performance.getEntriesByType('navigation')[0].domInteractive"
        assert seen.page.evaluate(interactive) < INTERACTIVE_MS
        answered_ms = seen.page.evaluate(
            "async () => { const t = performance.now();"
            " document.querySelector('#board thead button').click();"
            " await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)));"
            " return performance.now() - t }"
        )
        assert answered_ms < INTERACTIVE_MS
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
