"""Rows of a data set file: JSON, JSON Lines, Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.serialize import from_json, json_lines, read_text


def read_json_rows(path: Path) -> Iterator[tuple[Any, str]]:
    """Values of a JSON or JSON Lines file, a list's one by one, each with its place for errors.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    text = read_text(path)
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
    def broken(number: int, what: str) -> None:
        raise InputError(
            f"not JSON ({what})",
            where=f"{path}: line {number}",
            remedy="give JSON or JSON Lines",
        )

    for number, value in json_lines(text.split("\n"), broken):
        yield value, f"{path}: line {number}"


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
