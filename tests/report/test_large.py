"""Ten thousand trials: the page stays small, and every mark and every page is there.

How fast that is, `tests/benchmarks/report.py` measures.
"""

from dataclasses import replace

import pytest

from arena.report import site
from arena.report.scored import score
from arena.score.load import load
from tests.report.cast import cast
from tests.report.looking import address, look
from tests.report.make_run import make_run

TRIALS = 10_000
MAX_BYTES = 5_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    brief = [replace(actor, steps=min(actor.steps, 3)) for actor in cast()]
    path = tmp_path_factory.mktemp("large") / "run"
    return make_run(path, tasks=100, attempts=10, actors=brief, files=False)


def test_the_page_is_small_and_answers(browser, large):
    scored = score(load(large))
    assert len(scored.results.trials) == TRIALS
    html = site.render(scored)
    assert len(html.encode()) < MAX_BYTES
    index = large / "report" / "index.html"
    index.parent.mkdir(exist_ok=True)
    index.write_text(html)
    with look(browser, address(index)) as seen:
        seen.page.get_by_role("button", name="$ per attempt").click()
        assert seen.page.locator("#board th[aria-sort]").count() == 1
        assert seen.page.locator("a.mark").count() == TRIALS
        assert seen.troubles == []


@pytest.mark.slow
def test_all_pages_are_made(tmp_path):
    run = make_run(tmp_path / "run", tasks=100, attempts=10)
    results = load(run)
    site.build(score(results))
    assert len(list((run / "report" / "trials").glob("*.html"))) == TRIALS
