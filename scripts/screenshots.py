"""Pictures of a run for the README: `screenshots.py RUN OUT` writes them into a folder."""

import io
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console

from arena.report import exports, site
from arena.report.scored import Scored, score
from arena.score.load import load

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCREEN, PHONE = (1400, 900), (390, 844)
"""Width and height, in pixels of the page."""


def scoreboard(scored: Scored, path: Path) -> None:
    """The terminal's report as a picture."""
    console = Console(width=104, record=True, file=io.StringIO())
    console.print(exports.render(scored))
    picture = console.export_svg(title=f"arena report {scored.results.manifest.name}")
    # Without fonts from elsewhere: readers fall back to a font of their own.
    path.write_text(re.sub(r"@font-face {.*?}", "", picture, flags=re.DOTALL), encoding="utf-8")


def page(index: Path, size: tuple[int, int], path: Path) -> None:
    """The first screen of the page."""
    browser_path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": size[0], "height": size[1]}, device_scale_factor=1.5
        )
        tab.goto(index.resolve().as_uri())
        tab.screenshot(path=path)
        browser.close()


def main(run: Path, out: Path) -> None:
    """Write both pictures."""
    out.mkdir(parents=True, exist_ok=True)
    scored = score(load(run))
    scoreboard(scored, out / "scoreboard.svg")
    index = site.build(scored)
    page(index, SCREEN, out / "page.png")
    page(index, PHONE, out / "phone.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
