"""From a command line to values."""

from dataclasses import dataclass

from optline.errors import UsageError
from optline.tokens import normalise
from optline.values import convert, from_environment


@dataclass(frozen=True)
class Parsed:
    """The command that was called, by its full name, and all values."""

    command: str
    values: dict


def parse(command, argv, environ=None):
    """Parse a command line; raises UsageError."""
    values = {}
    name = _parse(command, normalise(argv), environ or {}, values)
    return Parsed(name, values)


def _parse(command, words, environ, values):
    given = {}
    arguments = []
    only_arguments = False
    path = command.name
    while words:
        word = words.pop(0)
        if only_arguments or not word.startswith("-") or word == "-":
            if command.commands:
                path += " " + _parse(_subcommand(command, word), words, environ, values)
                break
            arguments.append(word)
        elif word == "--":
            only_arguments = True
        else:
            option, value = _find(command, word)
            if not option.flag:
                if not words or words[0].startswith("-"):
                    raise UsageError(f"{option.name} needs a value")
                value = convert(option.name, option.type, words.pop(0))
            _store(given, option, value)
    else:
        if command.commands:
            raise UsageError(f"{command.name} needs one of: {', '.join(command.commands)}")
    _fill_options(command, given, environ, values)
    _fill_arguments(command, arguments, values)
    return path


def _subcommand(command, name):
    try:
        return command.commands[name]
    except KeyError:
        raise UsageError(f"{command.name} has no command {name!r}") from None


def _find(command, name):
    """(option, value if it is a flag) for a name, which may be shortened."""
    exact = command.option(name)
    if exact:
        return exact
    fitting = [full for full in command.long_names() if full.startswith(name)]
    if not name.startswith("--") or not fitting:
        raise UsageError(f"{command.name} has no option {name}")
    if len({command.option(full) for full in fitting}) > 1:
        raise UsageError(f"{name} could be {' or '.join(fitting)}")
    return command.option(fitting[0])


def _store(given, option, value):
    if option.repeat and option.flag:
        given[option] = given.get(option, 0) + 1
    elif option.repeat:
        given.setdefault(option, []).append(value)
    else:
        given[option] = value


def _fill_options(command, given, environ, values):
    for option in command.options:
        if option in given:
            values[option.key] = given[option]
        elif option.env and option.env in environ:
            values[option.key] = from_environment(option, environ[option.env])
        else:
            values[option.key] = option.initial


def _fill_arguments(command, arguments, values):
    rest = list(arguments)
    for argument in command.arguments:
        if argument.many:
            values[argument.name] = [convert(argument.name, argument.type, t) for t in rest]
            if argument.required and not rest:
                raise UsageError(f"{argument.name} is missing")
            rest = []
        elif rest:
            values[argument.name] = convert(argument.name, argument.type, rest.pop(0))
        elif argument.required:
            raise UsageError(f"{argument.name} is missing")
        else:
            values[argument.name] = None
    if rest:
        raise UsageError(f"{command.name} does not take {rest[0]!r}")
