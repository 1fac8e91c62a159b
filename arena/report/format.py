"""Numbers as people read them, and text that others wrote made harmless for where it is shown.

Jinja2 escapes HTML; what is here removes what escaping leaves alone (terminal codes, direction
overrides) and serves the formats that have no engine of their own.
"""

import re
from datetime import datetime
from decimal import Decimal
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and scipy: progress of a run is told without them
    from arena.stats.intervals import Interval

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movement
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "[": "{[}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{char: f"\\{char}" for char in "$&#%_"},
    "\N{EN DASH}": "--",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
}
_LATIN = frozenset(map(chr, range(0xC0, 0x100))) - frozenset("\xd0\xd7\xde\xf0\xf7\xfe")
"""Letters that every LaTeX has, whatever its fonts."""
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_BLOCK = re.compile(r"^(\d*)([-+#.)](?=[-+#\s]|$))")
"""What begins a heading, a list or a rule."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins one; the last four are the first four at full width, as East Asia writes them."""


def plain(text: str) -> str:
    r"""Text without terminal codes and control characters, valid in XML too, its line ends `\n`;
    characters that reorder text, and so make code look like other code, are spelled out.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _TERMINAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("\ufffd", text)
    return _DIRECTION.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def one_line(text: str, limit: int = 200) -> str:
    """Plain text on one line, at most `limit` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def csv_text(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    text = plain(text)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def latex(text: str, limit: int = 200) -> str:
    """One line that any LaTeX compiles: special characters escaped, foreign ones spelled out."""
    return "".join(map(_latex_char, one_line(text, limit)))


def _latex_char(char: str) -> str:
    if char in _LATEX:
        return _LATEX[char]
    return char if char.isascii() or char in _LATIN else f"U+{ord(char):04X}"


def markdown(text: str, limit: int = 200) -> str:
    """One line that Markdown shows literally: no markup, no HTML, nobody mentioned."""
    text = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKDOWN.sub(r"\\\1", text).replace("@", "&#64;")
    return _BLOCK.sub(r"\1\\\2", text)


UNKNOWN = "unknown"
DASH, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
Number = int | float | Decimal


def usd(amount: Number | None) -> str:
    """Dollars with two or three telling digits: `$0.031`, `$4.20`, `$1,204`."""
    if amount is None or not isfinite(amount):
        return UNKNOWN
    value = float(amount)
    if value == 0:
        return "$0"
    if abs(value) >= 1000:
        return f"${value:,.0f}"
    if abs(value) >= 0.995:
        return f"${value:.2f}"
    if abs(value) < 1e-8:
        return f"${value:.1e}"
    return f"${value:.{1 - floor(log10(abs(value)))}f}"


def amount(price: Decimal) -> str:
    """A price to its last digit, without zeros behind."""
    return f"{price.normalize():f}"


def usd_range(interval: "Interval | None") -> str:
    """Both limits in dollars."""
    return "not estimable" if interval is None else f"{usd(interval.lo)} to {usd(interval.hi)}"


def percent(share: Number | None) -> str:
    """A share as whole percent; only exactly all is 100 and exactly none is 0."""
    if share is None:
        return UNKNOWN
    value = float(share) * 100
    if 0 < value < 1:
        return "<1%"
    if 99 < value < 100:
        return ">99%"
    return f"{value:.0f}%"


def hundredths(share: Number) -> str:
    """A share that somebody chose, in hundredths to its last digit: `5`, `12.5`."""
    return f"{float(share) * 100:g}"


def percent_range(interval: "Interval") -> str:
    """Both limits in whole percent."""
    return f"{interval.lo * 100:.0f}{DASH}{interval.hi * 100:.0f}%"


def points(difference: Number) -> str:
    """A difference of shares in points, with its sign."""
    value = round(float(difference) * 100)
    return f"+{value}" if value > 0 else f"{MINUS}{-value}" if value < 0 else "0"


def factor(ratio: Number) -> str:
    """A ratio as 3.1 times; far from 1 without decimals."""
    value = float(ratio)
    if value >= 9.95:
        return f"{value:,.0f}{TIMES}"
    return f"{value:.2g}{TIMES}" if value < 1 else f"{value:.1f}{TIMES}"


def seconds(duration_s: Number | None) -> str:
    """A duration with two or three telling digits: `0.85 s`, `42 s`, `3.1 min`, `1.2 h`."""
    if duration_s is None:
        return UNKNOWN
    value = float(duration_s)
    if value < 0.001:
        return "0 s"
    for size, unit in ((3600, "h"), (60, "min")):
        if value >= size * 0.995:
            return f"{value / size:.1f} {unit}"
    return f"{value:.2g} s" if value < 9.95 else f"{value:.0f} s"


def count(number: int) -> str:
    """A whole number with separators."""
    return f"{number:,}"


def tokens(number: Number | None) -> str:
    """Tokens to three digits: `940`, `12.4 k`, `1.24 M`."""
    if number is None:
        return UNKNOWN
    value = float(number)
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            digits = 2 if value < 9.995 * size else 1 if value < 99.95 * size else 0
            return f"{value / size:.{digits}f} {letter}"
    return f"{value:.0f}"


def p_value(p: float | None) -> str:
    """A p-value with two telling digits."""
    if p is None:
        return DASH
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def plural(number: int, word: str, many: str = "") -> str:
    """`1 task`, `12 tasks`."""
    return f"{count(number)} {word if number == 1 else many or word + 's'}"


def moment(at: datetime) -> str:
    """A time to the minute, with its zone."""
    return f"{at:%Y-%m-%d %H:%M} {at:%Z}"


def fraction(ratio: Number) -> str:
    """A ratio below 1 as a fraction of 1 (`1/45`, `1/7.1`), above as `1.4` times."""
    value = float(ratio)
    if not 0 < value < 0.95:
        return factor(value)
    parts = 1 / value
    return f"1/{parts:,.0f}" if parts >= 9.95 else f"1/{parts:.1f}".removesuffix(".0")
