"""Requests and answers as JSON documents."""

import json

from tinywire.decoder import decode
from tinywire.edit import edit
from tinywire.encoder import encode
from tinywire.errors import WireError
from tinywire.schema import Schema


def _bytes(text):
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        raise WireError("not hexadecimal") from None


def answer(request):
    """The answer to one request."""
    try:
        schema = Schema.load(request["schema"])
        if request["op"] == "encode":
            return {"hex": encode(schema, request["value"]).hex()}
        if request["op"] == "decode":
            return {"value": decode(schema, _bytes(request["hex"]))}
        if request["op"] == "edit":
            return {"hex": edit(schema, _bytes(request["hex"]), request["set"]).hex()}
        raise WireError("unknown op")
    except WireError as error:
        return {"error": str(error)}
    except (KeyError, TypeError, AttributeError):
        return {"error": "not a request"}


def serve(lines, out):
    """Answer every line."""
    for line in lines:
        if not line.strip():
            continue
        try:
            found = answer(json.loads(line))
        except ValueError:
            found = {"error": "not JSON"}
        out.write(json.dumps(found) + "\n")
        out.flush()
