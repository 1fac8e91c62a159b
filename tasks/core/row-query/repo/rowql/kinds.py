"""Types of values."""

NUMBER, TEXT, BOOLEAN, NOTHING, OTHER = "number", "text", "boolean", "nothing", "other"


def kind(value):
    """The type of a value."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, (int, float)):
        return NUMBER
    if isinstance(value, str):
        return TEXT
    return OTHER
