"""Jinja2 over `reports/templates`, and the policy every page carries.

Pages hold no address they would fetch from. The policy allows exactly the scripts and styles that
we wrote, by hash, so that text which slipped through escaping would still do nothing.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from arena import resources
from arena.report import format as show
from arena.report.escape import one_line, plain

_FILTERS = (
    one_line, show.count, show.fraction, show.moment, show.percent, show.percent_range, show.plural,
    show.points, show.seconds, show.tokens, show.usd,
)  # fmt: skip
_PROSE = MarkdownIt("commonmark", {"html": False}).disable(["image", "link", "autolink"])


@dataclass(frozen=True, slots=True)
class Page:
    """Style, scripts and policy of one kind of page."""

    style: Markup
    scripts: tuple[Markup, ...]
    policy: str


@cache
def environment() -> Environment:
    """Templates with all text made plain and escaped, and no name left undefined."""
    made = Environment(
        loader=FileSystemLoader(resources.reports_dir() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {function.__name__: function for function in _FILTERS}
    return made


@cache
def page(styles: tuple[str, ...], scripts: tuple[str, ...], *, live: bool = False) -> Page:
    """A page's own parts, by file name; `live` pages may ask their server for news."""
    style = "\n".join(_read(name).strip() for name in styles)
    texts = tuple(_read(name) for name in scripts)
    rules = [
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {' '.join(map(_hash, texts))}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if live:
        rules.append("connect-src 'self'")
    # The files are our own; nothing of a run is ever in them.
    return Page(Markup(style), tuple(map(Markup, texts)), "; ".join(rules))  # noqa: S704


@lru_cache(maxsize=256)
def prose(text: str) -> Markup:
    """Markdown written by others as HTML: no raw HTML, links or images."""
    return Markup(_PROSE.render(plain(text)))  # noqa: S704


def _finalize(value: object) -> object:
    """What a template prints; our own markup is a subclass of `str` and stays as it is."""
    return plain(value) if type(value) is str else value


def _read(name: str) -> str:
    return (resources.reports_dir() / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
