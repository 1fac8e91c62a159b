"""python -m runorder FILE [GOAL ...]: print the order, one task a line."""

import sys

from runorder import CycleError, LoadError, UnknownTask, load, plan


def main(argv):
    """Print the order; 1 and a message on standard error when there is none."""
    if not argv:
        print(__doc__, file=sys.stderr)
        return 2
    path, *goals = argv
    try:
        with open(path, encoding="utf-8") as stream:
            found = plan(load(stream.read()), goals or None)
    except (CycleError, LoadError, UnknownTask, OSError) as error:
        print(f"runorder: {error}", file=sys.stderr)
        return 1
    for task, other in found.ignored:
        print(f"runorder: {task} cannot run after {other}", file=sys.stderr)
    print("\n".join(found.order))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
