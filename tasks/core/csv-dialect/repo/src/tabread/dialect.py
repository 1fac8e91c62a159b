"""The characters that mean something."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Dialect:
    """How a table is written down."""

    delimiter: str = ","
    quote: str = '"'
    escape: Optional[str] = None
    strict: bool = True
    skip_blank: bool = False

    def __post_init__(self):
        special = [self.delimiter, self.quote]
        if self.escape is not None:
            special.append(self.escape)
        if any(len(char) != 1 for char in special):
            raise ValueError("delimiter, quote and escape are single characters")
        if len(set(special)) < len(special) or set(special) & {"\r", "\n"}:
            raise ValueError("delimiter, quote and escape must differ and not be line ends")


EXCEL = Dialect(strict=False)
UNIX = Dialect(delimiter=":", escape="\\", skip_blank=True)
