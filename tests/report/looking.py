"""A page open in a real browser, with everything that must not happen noted down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page

WIDE, PHONE = (1280, 900), (390, 844)
CANARY = "owned"
"""Payloads of the attack tests set `window.owned`."""


@dataclass
class Look:
    """A page and what went wrong on it."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    def axe(self) -> list[str]:
        """Violations of accessibility rules, one line each."""
        # axe is put into the page by the debugger, past the page's policy: the policy stays on.
        found = Axe().run(
            self.page,
            options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]},
        )
        return [
            f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
            for violation in found.response["violations"]
        ]


@contextmanager
def look(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
    scripts: bool = True,
) -> Iterator[Look]:
    """Open a page; console errors, dialogs and requests to any network are troubles."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        java_script_enabled=scripts,
        bypass_csp=False,
    )
    page = context.new_page()
    found = Look(page)
    note = found.troubles.append
    own = url.split("/report/")[0]
    page.on("console", lambda m: note(f"console: {m.text}") if m.type != "log" else None)
    page.on("pageerror", lambda error: note(f"error: {error}"))

    def dismiss(dialog: Dialog) -> None:
        note(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("data:", own)) else note(f"request: {request.url}")
        ),
    )
    page.goto(url)
    try:
        yield found
    finally:
        context.close()


def address(path: Path) -> str:
    """A file as the browser opens it from disk."""
    return path.resolve().as_uri()
