"""docs/reference/ says what records and commands say of themselves."""

import importlib.util
from pathlib import Path

import pytest
from pydantic import Field

from arena.records import Record

ROOT = Path(__file__).parent.parent


def generator():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = generator()
PAGES = REFERENCE.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name):
    kept = ROOT / "docs" / "reference" / name
    assert kept.read_text() == PAGES[name], "run scripts/reference.py"


def test_there_is_no_page_of_something_that_is_gone():
    assert {page.name for page in (ROOT / "docs" / "reference").glob("*.md")} == set(PAGES)


class Inner(Record):
    """A table in it."""

    size_mb: int = Field(default=3, ge=1)
    """How large | how small."""


class Outer(Record):
    """A file."""

    names: tuple[str, ...] = Field(min_length=1)
    """Some names."""
    inner: dict[str, Inner] = Field(default_factory=dict)
    """Tables."""


class Silent(Record):
    """A file with a key that nobody explains."""

    name: str


def test_a_page_holds_every_table_with_bounds_and_defaults():
    page = REFERENCE.page("outer.toml", Outer, "About it.")
    assert page.startswith("# outer.toml\n\nAbout it. A file.\n")
    assert "| `names` | list: text, not empty | **required** | Some names. |" in page
    assert "| `inner` | table: table by name | `{}` | Tables. |" in page
    assert "## `inner.<name>`\n\nA table in it.\n" in page
    assert "| `size_mb` | whole number, ≥ 1 | `3` | How large \\| how small. |" in page


def test_a_key_without_a_meaning_is_refused():
    with pytest.raises(SystemExit, match="'name' has no docstring"):
        REFERENCE.page("silent.toml", Silent, "")
