"""Calling what the user wants."""

import sys

from optline.errors import UsageError
from optline.help import render
from optline.parser import parse


class App:
    """A command and its handlers, by the full names of the (sub)commands."""

    def __init__(self, command, handlers):
        self.command = command
        self.handlers = handlers

    def run(self, argv, environ=None, out=None, err=None):
        """Handle a command line; returns the exit code."""
        out, err = out or sys.stdout, err or sys.stderr
        if "-h" in argv or "--help" in argv:
            print(self._help(argv), file=out)
            return 0
        try:
            parsed = parse(self.command, argv, environ)
        except UsageError as error:
            print(f"{self.command.name}: {error}", file=err)
            return 2
        return self.handlers[parsed.command](parsed.values) or 0

    def _help(self, argv):
        """The help of the command that is named before the help option."""
        command, path = self.command, self.command.name
        for word in argv:
            if word in command.commands:
                command = command.commands[word]
                path += " " + word
        return render(command, path)
