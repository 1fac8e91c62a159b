"""From a conversation to the next action; all state is read off the conversation each time."""

import base64
import gzip
import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, ValidationError

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
        folder = files("arena.baseline") / "probe"
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.name.endswith(".py"):
                data = item.read_bytes()
                entry = tarfile.TarInfo(f"{PACKAGE}/{item.name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    text = base64.b64encode(gzip.compress(raw.getvalue(), mtime=0)).decode()
    return "\n".join(text[start : start + LINE] for start in range(0, len(text), LINE))
