"""Runs to report on and a real browser to look with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from arena.report.scored import Scored, score
from arena.score.load import load
from tests.report.make_run import make_run

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight contestants, two controls, twelve tasks, three attempts."""
    return make_run(tmp_path_factory.mktemp("report") / "nightly")


@pytest.fixture(scope="session")
def scored(run: Path) -> Scored:
    return score(load(run))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Run `tests/setup-browser.sh` where there is none."""
    path = next(found for name in NAMES if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()
