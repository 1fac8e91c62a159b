"""JSON that comes from outside: from models, candidates' programs, providers and users' files."""

import json
from collections.abc import Callable
from typing import Any


def from_json(
    data: str | bytes,
    *,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """The value of a JSON text, as `json.loads` reads it.

    Raises:
        ValueError: it is none, or is nested deeper than can be read, which `json` does not count
            among its errors although anybody can write it.
    """
    try:
        return json.loads(data, parse_float=parse_float, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
