"""The baseline as a conversation: what a request says, what is answered, and what that costs."""

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from arena.backend.chat import text_of
from arena.serialize import mapping

RESULT = re.compile(r"^arena-mutate: (\{.*\})$", re.MULTILINE)
ISSUE = re.compile(r"<issue>\n?(.*?)\n?</issue>", re.DOTALL)
FOLDER = "/tmp/arena-mutate"  # noqa: S108 - a path inside the contestant's own container
PACKAGE = "mutate_probe"
LINE = 120


class Result(BaseModel):
    """The line of JSON that a command of the search ends with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    say: str
    done: bool


@dataclass(frozen=True)
class Action:
    """What to do next and the sentence to say with it; submit where there is no command."""

    say: str
    command: str | None


def next_action(problem: str, observations: Sequence[str], budget: int) -> Action:
    """Return what follows on a problem statement and the observations so far.

    Args:
        problem: the first user message.
        observations: what came back after each earlier reply, in order.
        budget: most candidates to try.
    """
    if not observations:
        tagged = ISSUE.search(problem)
        return Action("Looking around.", _begin(tagged[1] if tagged else problem, budget))
    results = [_result(text) for text in observations]
    last = results[-1]
    if last is not None:
        return Action(last.say, None if last.done else _step("go-on"))
    if results[0] is None:
        return Action("The search cannot run here: it needs python3 and base64.", None)
    if results[-2] is None or results[-2].done:
        return Action("There is no more to try.", None)
    return Action("That batch was cut off.", _step("go-on"))


def _result(observation: str) -> Result | None:
    found = RESULT.findall(observation)
    try:
        return Result.model_validate_json(found[-1]) if found else None
    except ValidationError:
        return None


def _begin(report: str, budget: int) -> str:
    """The command that unpacks the search, hands it the report and lets it look around."""
    text = base64.b64encode(report.encode("utf-8", "replace")).decode()
    return "\n".join(
        (
            f"mkdir -p {FOLDER} && base64 -d <<'ARCHIVE' | tar xz --no-same-owner -C {FOLDER}",
            _archive(),
            "ARCHIVE",
            f"base64 -d <<'REPORT' > {FOLDER}/report.txt",
            text,
            "REPORT",
            _step(f"begin --limit {budget}"),
        )
    )


def _step(arguments: str) -> str:
    return f'root=$PWD; cd {FOLDER} && python3 -m {PACKAGE}.search {arguments} --root "$root"'


@cache
def _archive() -> str:
    """The search as base64 of a tar.gz, without times or owners.

    Compressed, the whole search fits one reply under the usual limits on output.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        folder = files("arena.demo.baseline") / "probe"
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.name.endswith(".py"):
                data = item.read_bytes()
                entry = tarfile.TarInfo(f"{PACKAGE}/{item.name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    text = base64.b64encode(gzip.compress(raw.getvalue(), mtime=0)).decode()
    return "\n".join(text[start : start + LINE] for start in range(0, len(text), LINE))


MODEL = re.compile(r"mutate-([1-9][0-9]{0,4})")
LISTED = ("mutate-20", "mutate-200")
BYTES_PER_TOKEN = 4

Finish = Literal["stop", "tool_calls", "length"]


class Wire(BaseModel):
    """A part of the protocol; what it does not use is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Wire):
    """One message of the conversation; of its content only text is read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[JsonValue] | None = None


class StreamOptions(Wire):
    """What a stream ends with."""

    include_usage: bool = False


class ChatRequest(Wire):
    """A request for a completion."""

    model: str
    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[dict[str, JsonValue], ...] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)

    @property
    def limit(self) -> int | None:
        """Most tokens of the answer, None for no limit."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def tool_names(self) -> frozenset[str]:
        """Names of the functions offered."""
        return frozenset(str(mapping(tool, "function").get("name")) for tool in self.tools or ())

    @property
    def problem(self) -> str:
        """The user's first words."""
        return next((text_of(one.content) for one in self.messages if one.role == "user"), "")

    @property
    def observations(self) -> list[str]:
        """What came back after each earlier reply."""
        found: list[str] = []
        for message in self.messages:
            if message.role == "assistant":
                found.append("")
            elif found:
                found[-1] += text_of(message.content) + "\n"
        return found


def budget(model: str) -> int | None:
    """Return the candidates a model name allows, None where it names no such model."""
    found = MODEL.fullmatch(model)
    return int(found[1]) if found else None


def tokens(text: str) -> int:
    """Return the size of a text in tokens: its UTF-8 bytes divided by four, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def complete(request: ChatRequest, raw: JsonValue, candidates: int) -> dict[str, Any]:
    """The body that answers a request.

    Args:
        request: the request as understood.
        raw: the request as it came; its messages and tools are what is counted as the prompt.
        candidates: most mutations to try, from the model's name.
    """
    action = next_action(request.problem, request.observations, candidates)
    content, call = speak(action, request.tool_names)
    counted = raw if isinstance(raw, dict) else {}
    prompt = json.dumps([counted.get("messages"), counted.get("tools")], ensure_ascii=False)
    spent = tokens(content + "".join(call or ()))
    finish: Finish = "tool_calls" if call else "stop"
    if request.limit is not None and spent > request.limit:
        # A language model would be cut off here too; half a call is none.
        content = content.encode()[: request.limit * BYTES_PER_TOKEN].decode(errors="ignore")
        call, finish, spent = None, "length", request.limit
    digest = hashlib.sha256((prompt + request.model).encode("utf-8", "surrogatepass")).hexdigest()
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if call:
        function = {"name": call[0], "arguments": call[1]}
        message["tool_calls"] = [
            {"id": f"call_{digest[:24]}", "type": "function", "function": function}
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.model,
        "choices": [choice],
        "usage": {
            "prompt_tokens": tokens(prompt),
            "completion_tokens": spent,
            "total_tokens": tokens(prompt) + spent,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def pieces(whole: Mapping[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    """The same as the chunks of a stream."""
    head = {**whole, "object": "chat.completion.chunk"}
    usage, (choice,) = head.pop("usage"), head.pop("choices")
    message = dict(choice["message"])
    calls = [{"index": index, **one} for index, one in enumerate(message.pop("tool_calls", ()))]
    for delta in (message, *({"tool_calls": [call]} for call in calls)):
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield {**head, "choices": [end]}
    if include_usage:
        yield {**head, "choices": [], "usage": usage}


def speak(action: Action, tool_names: frozenset[str]) -> tuple[str, tuple[str, str] | None]:
    """Put an action into words, as a call of an offered tool or as a fenced block."""
    if not tool_names:
        return f"{action.say}\n\n```bash\n{action.command or 'submit'}\n```", None
    if action.command is not None and "bash" in tool_names:
        return action.say, ("bash", json.dumps({"command": action.command}))
    if action.command is None and "submit" in tool_names:
        return action.say, ("submit", "{}")
    if action.command is None:
        return action.say, None
    return "I can only work through a tool called bash, and none is offered.", None
