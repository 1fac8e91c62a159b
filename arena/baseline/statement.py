"""Read a bug report: the examples in it, what each should give, the names it mentions."""

import ast
import doctest
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from arena.baseline.probe.examples import Example

WISH = (
    r"\b(?:expect(?:ed|ing)?|should(?:\s+[a-z]\w*){0,3}?|ought to(?:\s+\w+)?|want(?:ed)?"
    r"|instead of|correct)\b"
)
VALUE = r"(?P<value>`[^`]+`|(?:True|False|None)\b|[\[{('\"\d-][^\n]*)"
NOTE = re.compile(
    rf"\s*(?:#|<[-=]+|←)[^#\n]*?{WISH}[\s:=]*{VALUE}\s*$", re.IGNORECASE | re.MULTILINE
)
PLAIN_NOTE = re.compile(r"\s*#\s*(?:->|=>|→)?\s*(?P<value>[^\n]+)$")
PROSE = re.compile(rf"{WISH}[^.\n`]{{0,40}}?[\s:]*{VALUE}", re.IGNORECASE)
HEADING = re.compile(rf"{WISH}[^\n]*$", re.IGNORECASE)
ISSUE = re.compile(r"<issue>\n?(.*?)\n?</issue>", re.DOTALL)
NAME = re.compile(r"[A-Za-z_]\w*")
MOST_NAMES = 200


@dataclass(frozen=True)
class Statement:
    """What the search can use of a bug report."""

    examples: tuple[Example, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Chunk:
    """A run of prose, or of lines that are set apart by a fence or by indentation."""

    text: str
    code: bool
    language: str = ""


@lru_cache(maxsize=64)
def read(text: str) -> Statement:
    """Return the examples and names of a report; a report without any is no error.

    Where the prompt sets the report apart in an <issue> tag, only what stands in it is read.
    """
    if tagged := ISSUE.search(text):
        text = tagged[1]
    parts = chunks(text)
    examples: list[Example] = []
    for index, part in enumerate(parts):
        if not part.code:
            continue
        found = session(part.text, index) or script(part, index)
        if found:
            examples += with_prose(found, around(parts, index))
    return Statement(tuple(examples), names(text))


def chunks(text: str) -> list[Chunk]:
    """Split a report into prose and code, by fences first, then by prompts and indentation."""
    found: list[Chunk] = []
    fence = re.compile(
        r"^ {0,3}(```+|~~~+)[ \t]*(\w*)[^\n]*\n(.*?)^ {0,3}\1[ \t]*$", re.MULTILINE | re.DOTALL
    )
    position = 0
    for match in fence.finditer(text):
        found += unfenced(text[position : match.start()])
        found.append(Chunk(match[3], code=True, language=match[2].lower()))
        position = match.end()
    return found + unfenced(text[position:])


def unfenced(text: str) -> list[Chunk]:
    """Split text without fences; a paragraph that is indented or has a prompt is code."""
    found: list[Chunk] = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if not paragraph.strip():
            continue
        lines = paragraph.strip("\n").splitlines()
        prompt = next((n for n, line in enumerate(lines) if line.lstrip().startswith(">>> ")), None)
        indented = all(line.startswith(("    ", "\t")) for line in lines)
        if prompt:
            found.append(Chunk("\n".join(lines[:prompt]), code=False))
        code = indented or prompt is not None
        body = "\n".join(lines[prompt or 0 :]) + "\n"
        joined = found[-1] if found else None
        if code and joined and joined.code:
            found[-1] = replace(joined, text=f"{joined.text}\n{body}")
        else:
            found.append(Chunk(body, code=code))
    return found


def around(parts: list[Chunk], index: int) -> str:
    """Return the text that may say what the code at index should give.

    That is what follows it up to the next session, code without prompts included where the line
    over it speaks of a wish, and the prose before it.
    """
    texts: list[str] = []
    for place, part in enumerate(parts[index + 1 : index + 5], start=index + 1):
        if part.code and (">>>" in part.text or part.language in {"python", "py", "pycon"}):
            break
        if not part.code:
            texts.append(part.text)
            continue
        lines = parts[place - 1].text.strip().splitlines()
        if not parts[place - 1].code and lines and HEADING.search(lines[-1]):
            texts.append(f"expected: `{part.text.strip()}`")
    before = parts[index - 1].text if index and not parts[index - 1].code else ""
    return "\n".join([*texts, before])


def session(text: str, block: int) -> list[Example]:
    """Return the examples of text typed at a Python prompt."""
    lines = text.expandtabs().splitlines()
    tidy = [re.sub(r"^(\s*(?:>>>|\.\.\.))(?=\S)", r"\1 ", line) for line in lines]
    try:
        found = doctest.DocTestParser().get_examples("\n".join(tidy) + "\n")
    except ValueError:
        return []
    return [noted(item.source, item.want or None, block) for item in found]


def script(part: Chunk, block: int) -> list[Example]:
    """Return the statements of a Python snippet, with the comments that tell their values."""
    if part.language not in {"python", "py", "python3", ""} or ">>>" in part.text:
        return []
    try:
        tree = ast.parse(part.text)
    except (SyntaxError, ValueError):
        return []
    if not any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body):
        return []
    lines = part.text.splitlines()
    found = []
    for node in tree.body:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
        source = "\n".join(lines[first - 1 : node.end_lineno]) + "\n"
        example = noted(source, None, block)
        if (
            not example.wishes
            and isinstance(node, ast.Expr)
            and (note := PLAIN_NOTE.search(source))
        ):
            value = literal(note["value"])
            example = example._replace(wishes=(value,) if value else ())
        found.append(example)
    return found


def noted(source: str, want: str | None, block: int) -> Example:
    """Return an example, its wish taken from a note beside its source or its output."""
    wishes: list[str] = []
    for text in (source, want or ""):
        wishes += [value for note in NOTE.finditer(text) if (value := literal(note["value"]))]
    if want:
        want = NOTE.sub("", want.rstrip("\n")) + "\n"
    return Example(source, want, tuple(wishes), block)


def with_prose(examples: list[Example], prose: str) -> list[Example]:
    """Give the last example that shows something the values that the prose asks for."""
    values = [value for found in PROSE.finditer(prose) if (value := literal(found["value"]))]
    shown = [index for index, example in enumerate(examples) if example.want]
    if values and shown and not any(example.wishes for example in examples):
        last = shown[-1]
        wishes = tuple(dict.fromkeys(values))
        examples[last] = examples[last]._replace(wishes=wishes)
    return examples


def literal(text: str) -> str | None:
    """Return the longest beginning of a text that is a Python literal, backticks aside."""
    text = text.strip()
    if text.startswith("`"):
        text = text.strip("`").split("`")[0].strip()
    for end in range(min(len(text), 300), 0, -1):
        part = text[:end].rstrip()
        if part.endswith((".", ",")):
            continue
        try:
            ast.literal_eval(part)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        return part
    return None


def names(text: str) -> tuple[str, ...]:
    """Return the words of a report that look like names in code."""
    quoted = " ".join(re.findall(r"`([^`\n]+)`", text))
    called = re.findall(r"([A-Za-z_]\w*)\(", text)
    dotted = re.findall(r"\.([A-Za-z_]\w+)", text)
    snake = re.findall(r"\b\w+_\w+\b", text)
    found = dict.fromkeys([*NAME.findall(quoted), *called, *dotted, *snake])
    return tuple(found)[:MOST_NAMES]
