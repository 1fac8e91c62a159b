import io
import json

from tinywire.service import serve

SCHEMA = {"fields": {"id": [1, "int"]}}


def ask(*requests):
    out = io.StringIO()
    serve([json.dumps(request) for request in requests], out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_operations():
    assert ask(
        {"op": "encode", "schema": SCHEMA, "value": {"id": 5}},
        {"op": "decode", "schema": SCHEMA, "hex": "080a"},
        {"op": "edit", "schema": SCHEMA, "hex": "080a", "set": {"id": 6}},
    ) == [{"hex": "080a"}, {"value": {"id": 5}}, {"hex": "080c"}]


def test_errors():
    answers = ask({"op": "dance", "schema": SCHEMA}, {"op": "decode"}, [1])
    assert answers == [{"error": "unknown op"}, {"error": "not a request"}, {"error": "not a request"}]
