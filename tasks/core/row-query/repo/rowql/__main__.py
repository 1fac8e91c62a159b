"""python -m rowql"""

import json
import sys

from rowql import QueryError, run


def answer(line):
    """The answer to one line."""
    try:
        request = json.loads(line)
        query, rows = request["query"], request["rows"]
    except (ValueError, KeyError, TypeError):
        return {"error": "not a request"}
    try:
        return {"rows": run(query, rows)}
    except QueryError as error:
        return {"error": str(error)}


def main():
    """Answer every line."""
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(line)), flush=True)


if __name__ == "__main__":
    main()
