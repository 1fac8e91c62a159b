"""Pages are written when something on them changed, and only then."""

import json
from pathlib import Path

import pytest

from arena.report import pages, site
from arena.score.load import load
from tests.report.cast import cast
from tests.report.make_run import make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", tasks=2, attempts=1, actors=cast()[:4])


def test_only_what_changed_is_written_again(folder):
    results = load(folder)
    out = folder / "report" / "trials"
    assert pages.write(results, out) == 8
    assert pages.write(results, out) == 0
    changed = results.trials[3].id
    patch = folder / "trials" / changed / "patch.diff"
    patch.write_text("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+something else\n")
    assert pages.write(results, out) == 1
    assert "something else" in (out / f"{changed}.html").read_text()
    (out / f"{changed}.html").unlink()
    assert pages.write(results, out) == 1
    (out / pages.KEYS).write_text("not json")
    assert pages.write(results, out) == 8


def test_a_page_of_a_trial_that_is_no_more_is_removed(folder):
    out = folder / "report" / "trials"
    pages.write(load(folder), out)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["tasks"].pop()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    pages.write(load(folder), out)
    assert len(list(out.glob("*.html"))) == 4


def test_a_trial_without_files_still_has_a_page(tmp_path):
    run = make_run(tmp_path / "run", tasks=1, attempts=1, actors=cast()[:3], files=False)
    index = site.build(load(run))
    for page in (index.parent / "trials").glob("*.html"):
        text = page.read_text()
        assert "There is no transcript." in text
        assert "No patch." in text


def test_the_page_is_the_same_each_time(folder):
    first = site.build(load(folder)).read_bytes()
    assert site.build(load(folder)).read_bytes() == first
