"""A contestant's situation in small: a sandbox with a repository, an agent, the baseline behind it."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import openai
import pytest

from arena.agent.shell import ShellAgent
from arena.demo.server import serve
from arena.protocols import Sandbox
from arena.records import (
    Brief,
    Ending,
    File,
    Limits,
    Message,
    Reply,
    SandboxLimits,
    Task,
    TestPlan,
    ToolCall,
    ToolSpec,
)
from arena.records.container import AGENT_USER
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from tests.demo.toys import Toy

SET_UP = "git add -A && git -c user.name=t -c user.email=t commit -qm start"
EMPTY = Task(
    id="baseline/empty", pack="baseline", title="Nothing yet", language="python", image="python",
    problem_statement="", tests=TestPlan(runner="pytest", fail_to_pass=("t.py::t",)), digest="0",
    root=Path(),
)  # fmt: skip


class Endpoint:
    """The agent's side of an OpenAI-compatible endpoint, without prices and retries."""

    def __init__(self, base_url: str, model: str) -> None:
        self.client = openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0, timeout=30)
        self.model = model
        self.calls = 0

    def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        said: list[Any] = list(messages)
        offered: list[Any] = [{"type": "function", "function": tool.model_dump()} for tool in tools]
        self.calls += 1
        answer = self.client.chat.completions.create(
            model=self.model,
            messages=said,
            tools=offered or openai.omit,
            max_tokens=16_000,
        )
        message = answer.choices[0].message
        called = tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in message.tool_calls or ()
            if call.type == "function"
        )
        return Reply(
            message=message.model_dump(exclude_none=True), text=message.content or "",
            tool_calls=called, truncated=answer.choices[0].finish_reason == "length",
        )  # fmt: skip


@dataclass
class Log:
    """A transcript in memory."""

    entries: list[str] = field(default_factory=list)

    def add(self, kind: str, record: object) -> None:
        self.entries.append(f"{kind} {record}")


@dataclass(frozen=True)
class Outcome:
    """What a contestant left behind."""

    ending: Ending
    diff: str
    status: str
    passes: bool
    calls: int
    log: str


Repair = Callable[..., Outcome]


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    with DockerEngine() as opened:
        yield opened


@pytest.fixture(scope="session")
def baseline() -> Iterator[str]:
    with serve() as base_url:
        yield base_url


@contextmanager
def repository(engine: DockerEngine, image: str, files: dict[str, str]) -> Iterator[Sandbox]:
    with engine.open(
        image, limits=SandboxLimits(), labels={}, user=AGENT_USER, channel=True
    ) as sandbox:
        sandbox.put(
            [File(path=path, data=text.encode()) for path, text in files.items()], owner=10001
        )
        made = sandbox.exec(["sh", "-c", SET_UP], timeout_s=20)
        assert made.exit_code == 0, made.text
        yield sandbox


@pytest.fixture(scope="session")
def image(engine: DockerEngine) -> str:
    """A task image with next to nothing in its work tree."""
    made = Images(engine, lambda _: (File(path="README", data=b"A toy.\n"),)).ensure([EMPTY])
    return made[EMPTY.id].id


@pytest.fixture(scope="session")
def repair(engine: DockerEngine, image: str, baseline: str) -> Repair:
    """Lets the baseline work on a toy with a budget and tells what came of it."""

    def work(toy: Toy, budget: int, protocol: Literal["tools", "text"] = "tools") -> Outcome:
        brief = Brief(
            task_id="toy",
            problem_statement=toy.problem,
            limits=Limits(),
            nonce=secrets.token_hex(4),
        )
        endpoint = Endpoint(baseline, f"mutate-{budget}")
        log = Log()
        with repository(engine, image, toy.files) as sandbox:
            ending = ShellAgent(protocol).solve(brief, sandbox, endpoint, log)
            status = sandbox.exec(["git", "status", "--porcelain"], timeout_s=20).text
            diff = sandbox.exec(["git", "diff"], timeout_s=20).text
            hidden = (
                "import sys; sys.path[:0] = ['.', 'src']; sys.dont_write_bytecode = True\n"
                + toy.hidden
            )
            judged = sandbox.exec(["timeout", "10", "python3", "-c", hidden], timeout_s=20)
        return Outcome(
            ending, diff, status, judged.exit_code == 0, endpoint.calls, "\n".join(log.entries)
        )

    return work
