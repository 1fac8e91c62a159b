"""The description of a command."""

from dataclasses import dataclass
from typing import Any, Callable, Optional

from optline.errors import SpecError


class Option:
    """An option; `names` are like `-p` and `--port`.

    Its key among the values is the first long name without dashes, with `_`
    for `-`, or the letter if it has no long name.
    """

    def __init__(self, *names, flag=False, type=str, default=None, repeat=False,
                 negatable=False, env=None):
        self.short = [name for name in names if len(name) == 2 and name[0] == "-" != name[1]]
        self.long = [name for name in names if name.startswith("--") and len(name) > 3]
        if not names or len(self.short) + len(self.long) < len(names):
            raise SpecError(f"not option names: {names}")
        if negatable and not (flag and self.long):
            raise SpecError("only flags with a long name are negatable")
        self.flag, self.type, self.repeat = flag, type, repeat
        self.negatable, self.env = negatable, env
        self.default = default

    @property
    def name(self):
        """The name for messages."""
        return (self.long or self.short)[0]

    @property
    def key(self):
        """The key among the values."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def initial(self):
        """The value when nothing says anything."""
        if self.default is not None:
            return self.default
        if self.repeat:
            return 0 if self.flag else []
        return False if self.flag else None


@dataclass(frozen=True)
class Argument:
    """A value that is known by its place; the last may be `many`."""

    name: str
    type: Callable[[str], Any] = str
    many: bool = False
    required: bool = True


HELP = Option("-h", "--help", flag=True)


class Command:
    """A command with options and either arguments or subcommands."""

    def __init__(self, name, options=(), arguments=(), commands=(), summary=""):
        self.name, self.summary = name, summary
        self.options = [*options, HELP]
        self.arguments = list(arguments)
        self.commands = {command.name: command for command in commands}
        if self.arguments and self.commands:
            raise SpecError("a command has arguments or subcommands, not both")
        if any(argument.many for argument in self.arguments[:-1]):
            raise SpecError("only the last argument can be many")
        self._names = {}
        for option in self.options:
            for name in option.short + option.long:
                self._add(name, option, True)
            for name in option.long if option.negatable else ():
                self._add("--no-" + name[2:], option, False)

    def _add(self, name, option, value):
        if name in self._names:
            raise SpecError(f"{name} is used twice")
        self._names[name] = (option, value)

    def option(self, name) -> Optional[tuple]:
        """(option, whether it is switched on) for a full name, None if there is none."""
        return self._names.get(name)

    def long_names(self):
        """All names that start with two dashes."""
        return [name for name in self._names if name.startswith("--")]
