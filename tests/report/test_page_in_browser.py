"""The page as people meet it: opened from disk in a real browser, with its policy on."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from arena.report import charts, exports, site
from arena.report.caveats import answer
from arena.report.format import usd
from arena.report.scored import Scored, score
from arena.score.load import load
from tests.report.cast import Actor, backend, cast, contestant
from tests.report.looking import PHONE, WIDE, address, look
from tests.report.make_run import make_run


@pytest.fixture(scope="module")
def index(scored: Scored) -> Path:
    return site.build(scored)


def first_column(page, column: int) -> list[str]:
    rows = page.locator("#board tbody tr:visible")
    return [rows.nth(i).locator("th, td").nth(column).inner_text() for i in range(rows.count())]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_page_is_accessible_quiet_and_fits(browser: Browser, index, size, scheme):
    trial = index.parent / "trials" / "core.text-wrap--lantern-3--1.html"
    for path in (index, trial):
        with look(browser, address(path), size=size, scheme=scheme) as seen:
            seen.page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
            assert seen.axe() == []
            assert seen.troubles == []
            width = seen.page.evaluate("document.documentElement.scrollWidth")
            assert width == size[0], "the page itself must not scroll sideways"


FIVE = ("oracle", "nop", "summit-xl", "summit-mini", "harbor-2", "lantern-3", "crane-flash")
WORDS = (
    """document.body.innerText.split(/\\s+/).filter(word => /[\\p{L}\\p{N}]/u.test(word)).length"""
)


@pytest.fixture(scope="module")
def five(tmp_path_factory) -> Scored:
    """Five contestants of two countries on 24 tasks, some trials of one missing."""
    actors = [actor for actor in cast() if actor.spec.name in FIVE]
    path = make_run(tmp_path_factory.mktemp("five") / "run", tasks=24, attempts=2, actors=actors)
    return score(load(path))


@pytest.mark.parametrize("size", [(1400, 900), PHONE])
def test_five_contestants_take_at_most_700_words(browser, five, size):
    with look(browser, address(site.build(five)), size=size) as seen:
        assert 150 < seen.page.evaluate(WORDS) <= 700
        closed = seen.page.locator("details:not([open]) > summary").all_inner_texts()
        assert closed[-1] == "Power, limits and method"
        seen.page.get_by_text("Power, limits and method").click()
        assert "24 tasks can show a gap" in seen.page.locator(".notes").last.inner_text()
        assert seen.page.evaluate("document.documentElement.scrollWidth") == size[0]


def test_a_phone_shows_pass_rate_and_cost_without_scrolling(browser, five):
    with look(browser, address(site.build(five)), size=PHONE) as seen:
        for name in ("Pass rate", "$ per attempt"):
            box = seen.page.locator("#board").get_by_role("button", name=name).bounding_box()
            assert box
            assert box["x"] + box["width"] <= PHONE[0]
        for block in seen.page.locator("main section, main figure, main details").all():
            if block.is_visible():
                assert block.inner_text().strip(), "no blank block"
        empty = seen.page.locator("main div, main p").evaluate_all(
            "all => all.filter(e => e.offsetHeight > 40 && !e.innerText.trim()"
            " && !e.querySelector('svg, a, i') && !e.closest('details:not([open])')).length"
        )
        assert empty == 0


def test_the_answer_leads_and_its_switch_points_stand_in_a_table(browser, index, scored):
    trade = scored.recommendation.trade
    assert trade.buys, "somebody is the best buy"
    with look(browser, address(index), size=PHONE) as seen:
        head = seen.page.locator("h1")
        assert head.inner_text() == answer(scored).headline
        box = head.bounding_box()
        assert box
        assert box["y"] + box["height"] < PHONE[1]
        rows = seen.page.locator(".buys tbody tr").all_inner_texts()
        assert len(rows) == len(trade.buys)
        for row, buy in zip(rows, trade.buys, strict=True):
            assert buy.name in row
            assert usd(buy.starts.usd) in row
            assert usd(buy.ends.lo if buy.ends else buy.starts.usd) in row
        assert "The switch from" not in seen.page.locator(".answer").inner_text(), "it is told once"


def test_countries_are_compared_only_where_both_have_contestants(browser, five, tmp_path):
    claim = "Chinese models do the same work for 1/7 to 1/100 of the cost"
    with look(browser, address(site.build(five))) as seen:
        assert claim in seen.page.locator("main").inner_text()
    actors = [a for a in cast() if a.spec.name in {"oracle", "summit-xl", "summit-mini"}]
    alone = make_run(tmp_path / "run", tasks=6, attempts=1, actors=actors)
    with look(browser, address(site.build(score(load(alone))))) as seen:
        said = seen.page.locator("body").inner_text()
        assert "China" not in said
        assert "Chinese" not in said


def test_efforts_of_one_model_are_joined(browser, tmp_path):
    by_name = {actor.spec.name: actor for actor in cast()}

    def told(name: str, effort: str, skill: float) -> Actor:
        own = {"name": f"{name}-{effort}", "effort": effort, "family": name}
        actor = by_name[name]
        steps = {"low": 5, "medium": 10, "high": 20}[effort]
        return replace(actor, spec=actor.spec.model_copy(update=own), skill=skill, steps=steps)

    joined = [told("summit-xl", "high", 0.8), told("summit-xl", "low", 0.5)]
    others = [told("lantern-3", "medium", 0.6), by_name["crane-flash"]]
    for actors, lines in (([*joined, *others], 1), (others, 0)):
        run = make_run(tmp_path / f"run{lines}", tasks=6, attempts=1, actors=actors)
        scored = score(load(run))
        found = charts.efforts(charts.points(scored))
        assert [[p.contestant.row.who.effort for p in family] for family in found] == (
            [["low", "high"]] * lines
        )
        with look(browser, address(site.build(scored))) as seen:
            said = seen.page.locator("figcaption").inner_text()
            assert ("joins one model's efforts" in said) == bool(lines)
            assert seen.troubles == []


def test_sorting_by_every_column_and_back(browser, index, scored):
    with look(browser, address(index)) as seen:
        heads = seen.page.locator("#board thead button")
        names = [row.who.name for row in scored.board.rows]

        def shown() -> list[str]:
            return seen.page.locator("#board tbody th").evaluate_all("c => c.map(e => e.dataset.v)")

        assert shown() == names
        costs = {r.who.name: r.mean_usd for r in scored.board.rows}
        seen.page.get_by_role("button", name="$ per attempt").click()
        known = sorted((n for n in names if costs[n] is not None), key=lambda n: costs[n])
        unknown = [n for n in names if costs[n] is None]
        assert unknown, "the run has a contestant without a price"
        assert shown() == known + unknown
        seen.page.get_by_role("button", name="$ per attempt").click()
        assert shown() == known[::-1] + unknown, "unknown stays last both ways"
        head = seen.page.locator("#board th[aria-sort]")
        assert head.count() == 1
        assert head.get_attribute("aria-sort") == "descending"
        for i in range(heads.count()):
            heads.nth(i).focus()
            seen.page.keyboard.press("Enter")
            assert sorted(shown()) == sorted(names)
        assert seen.troubles == []


def test_the_filter_hides_rows_and_fades_points(browser, tmp_path):
    extra = replace(cast()[2], spec=contestant("ninth", backend("n", "n", "N", "FR", None)))
    run = make_run(tmp_path / "run", tasks=4, attempts=1, actors=[*cast(), extra])
    with look(browser, address(site.build(score(load(run))))) as seen:
        seen.page.locator("#find").fill("cn")
        assert len(first_column(seen.page, 0)) == 3
        assert seen.page.locator("#count").inner_text() == "3 of 9 shown"
        drawn = seen.page.locator(".chart .wide a")
        assert seen.page.locator(".chart .wide a.off").count() == drawn.count() - 3
        seen.page.locator("#find").fill("JADE")
        (left,) = first_column(seen.page, 0)
        assert left.startswith("jade-coder")
        seen.page.locator("#find").fill("nobody")
        assert first_column(seen.page, 0) == []
        assert seen.troubles == []


def test_points_tell_their_numbers_on_hover_and_focus(browser, index, scored):
    row = next(r for r in scored.board.rows if r.who.name == "lantern-3")
    with look(browser, address(index)) as seen:
        point = seen.page.locator('.chart .wide a[aria-label^="lantern-3"]')
        tip = seen.page.locator("#tip")
        point.locator("path").hover()
        text = tip.inner_text()
        assert f"{row.pass_rate:.0%} passed" in text
        assert "per attempt" in text
        assert "per solved task" in text
        seen.page.mouse.move(5, 5)
        assert tip.is_hidden()
        point.focus()
        assert tip.inner_text() == text
        seen.page.keyboard.press("Escape")
        assert tip.is_hidden()
        point.focus()
        seen.page.keyboard.press("Enter")
        assert re.search(r"#c\d+$", seen.page.url)
        assert seen.page.locator(":target th").first.get_attribute("data-v") == "lantern-3"
        mark = seen.page.locator("a.mark").first
        mark.hover()
        assert tip.inner_text().split("\n")[1].endswith("attempt 1")
        assert seen.troubles == []


def test_the_grid_leads_to_a_trial_and_back(browser, index, scored):
    trial = next(t for t in scored.results.of("lantern-3") if t.verdict == "failed")
    with look(browser, address(index)) as seen:
        seen.page.locator(f'a.mark[href="trials/{trial.id}.html"]').click()
        seen.page.wait_for_url(f"**/{trial.id}.html")
        body = seen.page.locator("main").inner_text()
        assert f"lantern-3 on {trial.task_id}, attempt {trial.attempt} of 3" in body
        assert "2 of 10 tests did not pass" in body
        assert "/core.py" in body
        assert "tests/test_core.py::test_new_2" in body
        assert seen.page.locator(".turns > li").count() > 10
        assert (
            seen.page.locator("pre.command")
            .first.inner_text()
            .startswith(("grep", "sed", "pytest"))
        )
        meter = seen.page.locator(".meter", has_text="cached").first.inner_text()
        assert re.search(r"\$0\.\d+ in .*s\n.* in, .* cached\n\d+ out", meter)
        seen.page.locator('#peers ~ ul a[aria-current="page"]').wait_for()
        seen.page.get_by_role("link", name="patch.diff").click()
        assert "diff --git" in seen.page.content()
        seen.page.go_back()
        seen.page.get_by_role("link", name="Arena").click()
        seen.page.wait_for_url("**/report/index.html")
        assert seen.troubles == []


def test_the_theme_can_be_chosen_and_is_kept(browser, index):
    with look(browser, address(index), scheme="light") as seen:
        background = "getComputedStyle(document.body).backgroundColor"
        light = seen.page.evaluate(background)
        button = seen.page.locator("#theme")
        button.click()
        assert seen.page.evaluate(background) == light
        button.click()
        assert button.inner_text() == "Theme: dark"
        dark = seen.page.evaluate(background)
        assert dark != light
        seen.page.reload()
        assert seen.page.evaluate(background) == dark


def test_without_scripts_everything_is_there(browser, index):
    with look(browser, address(index), scripts=False) as seen:
        assert seen.page.locator("#board tbody tr").count() == 8
        assert seen.page.locator(".chart .wide svg a").count() == 7
        assert seen.page.locator("#theme").is_hidden()


def test_it_prints_in_light_colours_without_controls(browser, index):
    with look(browser, address(index), scheme="dark") as seen:
        seen.page.emulate_media(media="print", color_scheme="dark")
        assert (
            seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
            == "rgb(255, 255, 255)"
        )
        assert seen.page.pdf()[:5] == b"%PDF-"


@pytest.mark.parametrize("finished", [0.0, 0.4])
def test_a_run_that_is_going_on(browser, tmp_path, finished):
    run = make_run(tmp_path / "run", tasks=4, attempts=2, finished=finished)
    index = site.build(score(load(run)))
    with look(browser, address(index)) as seen:
        assert "lack a verdict" in seen.page.locator(".answer").inner_text()
        assert seen.axe() == []
        assert seen.troubles == []
        links = seen.page.locator("a.mark").evaluate_all("a => a.map(e => e.getAttribute('href'))")
        assert len(links) == int(80 * finished)
        assert all((index.parent / href).is_file() for href in links)


def test_simulated_runs_carry_no_vendor_claim(browser, tmp_path):
    run = make_run(tmp_path / "run", tasks=6, attempts=1, actors=cast(simulated=True))
    with look(browser, address(site.build(score(load(run))))) as seen:
        assert "choose" not in seen.page.locator("h1").inner_text().lower()
        assert "says anything about a vendor" in seen.page.locator(".notice").inner_text()
        assert seen.page.locator("#countries").count() == 0
        document = json.loads(exports.export(score(load(run)), "json"))
        assert {one["provider"] for one in document["contestants"]} == {None}


def test_one_contestant_makes_a_page_too(browser, tmp_path):
    actors = [a for a in cast() if a.spec.name in {"oracle", "brume-medium"}]
    run = make_run(tmp_path / "run", tasks=1, attempts=1, actors=actors)
    with look(browser, address(site.build(score(load(run))))) as seen:
        assert seen.axe() == []
        assert seen.troubles == []
        assert seen.page.locator("#pairs").count() == 0
