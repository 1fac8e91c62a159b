"""What the gateway itself says, in the words of each API."""

from pydantic import JsonValue

from arena.backend.errors import CallFailed
from arena.backend.wire import encoded
from arena.records import Api
from arena.serialize import from_json

_MESSAGES_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error(api: Api, status: int, message: str) -> bytes:
    """The body of an error."""
    if api == "messages":
        kind = _MESSAGES_TYPES.get(status, "api_error")
        return encoded({"type": "error", "error": {"type": kind, "message": message}})
    kind = "invalid_request_error" if status < 500 else "server_error"
    return encoded({"error": {"message": message, "type": kind, "param": None, "code": None}})


def failure(api: Api, status: int, failed: CallFailed) -> bytes:
    """The body for a call that failed, with the words by which agents know what they can mend."""
    if failed.outcome != "context_overflow":
        return error(api, status, failed.message)
    if api == "messages":
        return error(api, status, f"prompt is too long: {failed.message}")
    told: dict[str, JsonValue] = {"message": failed.message, "type": "invalid_request_error"}
    return encoded({"error": {**told, "param": None, "code": "context_length_exceeded"}})


def error_event(api: Api, body: bytes) -> bytes:
    """An error's body as an event inside a stream that has begun."""
    told = from_json(body)
    failed = isinstance(told, dict) and told.get("type") == "response.failed"
    name = b"response.failed" if failed else b"error"
    head = b"" if api == "chat" else b"event: " + name + b"\n"
    return head + b"data: " + body + b"\n\n"


def models(name: str) -> bytes:
    """The list of models, with the one there is; fields of all APIs together."""
    one: dict[str, JsonValue] = {
        "id": name,
        "object": "model",
        "type": "model",
        "display_name": name,
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": "arena",
    }
    listing: dict[str, JsonValue] = {
        "object": "list",
        "data": [one],
        "has_more": False,
        "first_id": name,
        "last_id": name,
    }
    return encoded(listing)
