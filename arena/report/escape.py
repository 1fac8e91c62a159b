"""Text that others wrote, made harmless for each place it is shown in.

Names, patches and outputs come from tasks and models. HTML is escaped by Jinja2; what is here
removes what escaping leaves alone (terminal codes, direction overrides) and serves the formats
that have no engine of their own.
"""

import re

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
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{char: f"\\{char}" for char in "$&#%_"},
}
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_BLOCK = re.compile(r"^(\d*)([-+#.)](?=[-+#\s]|$))")
"""What begins a heading, a list or a rule."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(text: str) -> str:
    r"""Text without terminal codes and control characters; also valid in XML.

    Line ends become `\n`; characters that reorder text are spelled out, since they can make code
    look like other code.
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
    """One line with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(char, char) for char in one_line(text, limit))


def markdown(text: str, limit: int = 200) -> str:
    """One line that Markdown shows literally: no markup, no HTML, nobody mentioned."""
    text = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKDOWN.sub(r"\\\1", text).replace("@", "&#64;")
    return _BLOCK.sub(r"\1\\\2", text)
