"""Command lines with options, arguments and subcommands."""

from optline.app import App
from optline.errors import UsageError
from optline.parser import parse
from optline.spec import Argument, Command, Option

__all__ = ["App", "Argument", "Command", "Option", "UsageError", "parse"]
