"""Where everything comes from, as text."""

import json


def explain(config):
    """One line for each value: path, value, layers."""
    lines = []
    for path in config.paths():
        origins = " + ".join(config.origins(path))
        lines.append(f"{path} = {json.dumps(config[path])}  ({origins})")
    return "\n".join(lines)
