"""From text to values."""

from optline.errors import UsageError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def convert(name, kind, text):
    """The text as a value; UsageError if it is none."""
    try:
        return kind(text)
    except (TypeError, ValueError):
        label = getattr(kind, "__name__", "value")
        raise UsageError(f"{name}: not a valid {label}: {text!r}") from None


def from_environment(option, text):
    """The value of an option from its environment variable."""
    if option.flag:
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise UsageError(f"{option.env}: not yes or no: {text!r}")
        return int(word in _TRUE) if option.repeat else word in _TRUE
    if option.repeat:
        return [convert(option.env, option.type, part) for part in text.split(",") if part]
    return convert(option.env, option.type, text)
