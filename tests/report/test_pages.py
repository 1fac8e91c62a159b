"""The pages of a run: each trial that was begun has one, and nothing leads out of the run."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from arena.report import site, view
from arena.report.scored import score
from arena.score.load import load
from tests.report.cast import cast, contestant
from tests.report.make_run import make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", tasks=2, attempts=1, actors=cast()[:4])


def test_what_changed_is_on_the_next_page(folder):
    results = load(folder)
    out = folder / "report" / "trials"
    site.build(score(results))
    assert len(list(out.glob("*.html"))) == 8
    changed = results.trials[3].id
    patch = folder / "trials" / changed / "patch.diff"
    patch.write_text("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+something else\n")
    (out / f"{results.trials[0].id}.html").unlink()
    site.build(score(results))
    assert "something else" in (out / f"{changed}.html").read_text()
    assert len(list(out.glob("*.html"))) == 8


def test_a_page_of_a_trial_that_is_no_more_is_removed(folder):
    out = folder / "report" / "trials"
    site.build(score(load(folder)))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["tasks"].pop()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    site.build(score(load(folder)))
    assert len(list(out.glob("*.html"))) == 4


def test_a_trial_without_files_still_has_a_page(tmp_path):
    run = make_run(tmp_path / "run", tasks=1, attempts=1, actors=cast()[:3], files=False)
    index = site.build(score(load(run)))
    for page in (index.parent / "trials").glob("*.html"):
        text = page.read_text()
        assert "There is no transcript." in text
        assert "No patch." in text


def test_the_page_is_the_same_each_time(folder):
    first = site.build(score(load(folder))).read_bytes()
    assert site.build(score(load(folder))).read_bytes() == first


NAMES = ("a/../../../../pwned", "L" * 3_000, "x/y", "x y", "x\0y", "é" * 120, "..", "A.b_c-1")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A run of somebody else's, whose names no configuration would allow."""
    one = cast()[2]
    actors = [replace(one, spec=contestant(name, one.spec.backend)) for name in NAMES]
    return make_run(tmp_path / "deep" / "run", tasks=1, attempts=1, actors=actors, files=False)


def test_no_name_leads_a_page_out_of_the_run(foreign):
    out = foreign / "report" / "trials"
    (out / "core.interval-merge--a").mkdir(parents=True)
    other = foreign.parent / "old.html"
    other.write_text("kept")
    before = {p for p in foreign.parents[1].rglob("*") if foreign not in p.parents}
    index = site.build(score(load(foreign)))
    after = {p for p in foreign.parents[1].rglob("*") if foreign not in p.parents}
    assert after == before
    assert other.read_text() == "kept"
    made = {p.name for p in out.glob("*.html")}
    assert len(made) == len(NAMES), "every trial has a page of its own"
    assert "core.interval-merge--A.b_c-1--1.html" in made
    links = re.findall(r'href="trials/([^"]+)"', index.read_text())
    assert set(links) == made


def test_pages_of_such_names_lead_to_each_other_and_are_served(foreign):
    index = site.build(score(load(foreign)))
    viewer = view.Viewer(foreign)
    for page in (index.parent / "trials").glob("*.html"):
        text = page.read_text()
        for name in re.findall(r'href="([^"/#]+\.html)"', text):
            assert (page.parent / name).is_file()
        assert len(re.findall(r'aria-current="page"', text)) == 1
        assert viewer.answer(f"/report/trials/{page.name}").body.decode() == text
    assert viewer.answer(f"/trials/core.interval-merge--{NAMES[1]}--1/patch.diff").status == 404


def test_files_are_read_from_the_trials_own_folder_alone(foreign):
    secret = foreign.parents[1] / "pwned--1"
    secret.mkdir()
    (secret / "patch.diff").write_text("+secret")
    (foreign / "trials" / "core.interval-merge--a").mkdir(parents=True)
    site.build(score(load(foreign)))
    assert not any("secret" in p.read_text() for p in foreign.rglob("*.html"))
