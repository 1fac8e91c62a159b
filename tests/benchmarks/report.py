"""Ten thousand trials: how long the page and all pages of trials take, and a browser over the page.

    PYTHONPATH=. python tests/benchmarks/report.py

Times are of CPU where one process does the work, so that others on the machine count less.
"""

import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from arena.report import site
from arena.report.scored import score
from arena.score.load import load
from tests.report.conftest import FLAGS, NAMES
from tests.report.looking import address, look
from tests.report.make_run import make_run


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder) / "run", tasks=100, attempts=10)
        began = time.process_time()
        results = load(run)
        scored = score(results)
        html = site.render(scored)
        print(f"the page: CPU {time.process_time() - began:.1f} s, {len(html) / 1e6:.1f} MB")
        began = time.monotonic()
        index = site.build(scored)
        print(f"all {len(results.trials)} pages of trials: {time.monotonic() - began:.1f} s")
        print(f"a browser loads and sorts it: CPU {browsed_s(index):.2f} s")


def browsed_s(index: Path) -> float:
    """Time of the browser's main thread for loading the page and sorting its leaderboard."""
    path = next(found for name in NAMES if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        with look(browser, address(index)) as seen:
            meter = seen.page.context.new_cdp_session(seen.page)
            meter.send("Performance.enable", {"timeDomain": "threadTicks"})

            def busy_s() -> float:
                metrics = meter.send("Performance.getMetrics")["metrics"]
                return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

            before_s = busy_s()
            seen.page.reload()
            seen.page.get_by_role("button", name="$ per attempt").click()
            seen.page.locator("#board th[aria-sort]").wait_for()
            return busy_s() - before_s


if __name__ == "__main__":
    main()
