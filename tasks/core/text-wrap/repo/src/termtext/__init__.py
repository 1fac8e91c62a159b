"""Text layout in terminal columns."""

from termtext.ansi import strip_ansi
from termtext.cells import text_width
from termtext.fitting import pad, truncate
from termtext.table import table
from termtext.wrapping import fill, wrap

__all__ = ["fill", "pad", "strip_ansi", "table", "text_width", "truncate", "wrap"]
