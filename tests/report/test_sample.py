"""The shipped sample is a real run, and its page is what today's code draws of it.

After a change of the page: `arena report reports/samples/demo --format html`. After a change of
what a trial's digest covers: `make sample`.
"""

import re
import shutil
from pathlib import Path

import pytest

from arena.report import columns, site
from arena.report.scored import Scored, score
from arena.score.load import load

SAMPLE = Path(__file__).parents[2] / "reports" / "samples" / "demo"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Scored:
    """A copy of the sample, drawn again."""
    copy = tmp_path_factory.mktemp("sample") / "demo"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("report"))
    scored = score(load(copy))
    site.build(scored)
    return scored


def without_charts(html: str) -> str:
    """Charts depend on the fonts and the release of the library that draws them."""
    return re.sub(r"<svg xmlns=.*?</svg>(?=</div>)", "<svg/>", html, flags=re.DOTALL)


def test_every_trial_of_the_sample_has_a_verdict(drawn):
    assert {t.verdict is not None for t in drawn.results.trials} == {True}, "run `make sample`"
    assert [c.good for c in columns.controls(drawn)] == [True, True]
    assert {r.who.agent for r in drawn.board.rows} == {"shell"}


def test_the_page_is_what_is_drawn_today(drawn):
    for name in ("index.html", "trials/core.interval-merge--mutate-200--1.html"):
        kept = (SAMPLE / "report" / name).read_text()
        again = (drawn.results.path / "report" / name).read_text()
        assert without_charts(kept) == without_charts(again), (
            "run `arena report reports/samples/demo --format html`"
        )
        assert len(without_charts(kept)) > 20_000


def test_the_sample_names_no_vendor(drawn):
    for contestant in drawn.results.manifest.contestants:
        if contestant.backend:
            assert contestant.backend.lab is None
            assert contestant.backend.country is None
            assert contestant.backend.base_url.startswith("http://127.0.0.1:")
