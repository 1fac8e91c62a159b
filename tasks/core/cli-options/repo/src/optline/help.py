"""The help of a command."""


def _names(option):
    text = ", ".join(option.short + option.long)
    return text if option.flag else f"{text} {option.key.upper()}"


def render(command, path):
    """The help text; `path` is the full name of the command."""
    usage = ["usage:", path, "[options]"]
    if command.commands:
        usage.append("COMMAND")
    for argument in command.arguments:
        shown = argument.name + ("..." if argument.many else "")
        usage.append(shown if argument.required else f"[{shown}]")
    lines = [" ".join(usage)]
    if command.summary:
        lines += ["", command.summary]
    lines += ["", "options:", *(f"  {_names(option)}" for option in command.options)]
    if command.commands:
        lines += ["", "commands:"]
        lines += [f"  {sub.name}  {sub.summary}".rstrip() for sub in command.commands.values()]
    return "\n".join(lines)
