"""Rows of a data set file: JSON, JSON Lines, Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.decoding import from_json
from arena.errors import InputError


def read_json_rows(path: Path) -> Iterator[tuple[Any, str]]:
    """Values of a JSON or JSON Lines file, a list's one by one, each with its place for errors.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", where=str(path)) from None
    if not text.strip():
        return
    try:
        value = from_json(text)
    except ValueError:
        yield from _lines(text, path)
        return
    if isinstance(value, list):
        yield from ((row, f"{path}: entry {number}") for number, row in enumerate(value, 1))
    else:
        yield value, str(path)


def _lines(text: str, path: Path) -> Iterator[tuple[Any, str]]:
    # Not splitlines: JSON allows U+2028 and the like inside a line
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            yield from_json(line), where
        except ValueError as error:
            raise InputError(
                f"not JSON ({error})", where=where, remedy="give JSON or JSON Lines"
            ) from None


def read_rows(path: Path) -> Iterator[tuple[Any, str]]:
    """Rows of a JSON, JSON Lines or Parquet file, each with its place for errors.

    Raises:
        InputError: it cannot be read, or Parquet is not installed.
    """
    if path.suffix != ".parquet":
        yield from read_json_rows(path)
        return
    try:
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            "Parquet needs the package pyarrow",
            where=str(path),
            remedy="pip install 'arena-bakeoff[tables]', or give JSON Lines",
        ) from None
    for number, row in enumerate(parquet.read_table(path).to_pylist(), 1):
        yield row, f"{path}: row {number}"
