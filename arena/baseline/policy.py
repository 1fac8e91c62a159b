"""From a conversation to the next action; all state is read off the conversation each time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from arena.baseline import commands
from arena.baseline.statement import read
from arena.serialize import from_json

RESULT = re.compile(r"^arena-mutate: (\{.*\})$", re.MULTILINE)
BATCH = 25
BATCHES = 40
PATIENCE = 2

Phase = Literal["survey", "try", "apply", "finish", "submit"]


class Result(BaseModel):
    """The line of JSON that ends a command of the search; what it has not told is a default."""

    model_config = ConfigDict(frozen=True)

    event: Phase
    goals: int = 0
    tests: int = 0
    candidates: int = 0
    note: str = ""
    tried: int = 0
    winner: int | None = None
    holds: bool = False
    operator: str = ""
    path: str = ""


@dataclass(frozen=True)
class Action:
    """What to do next and the sentence to say with it; submit where there is no command."""

    say: str
    command: str | None


@dataclass(frozen=True)
class Search:
    """Where a search stands."""

    budget: int
    phase: Phase = "survey"
    candidates: int = 0
    tried: int = 0
    winner: int | None = None
    silent: int = 0
    say: str = ""

    @property
    def left(self) -> int:
        """Candidates that may still be tried."""
        return min(self.budget, self.candidates) - self.tried

    @property
    def batch(self) -> int:
        """Candidates in one command; large budgets take larger steps to keep turns few."""
        return min(self.left, max(BATCH, -(-self.budget // BATCHES)))


def next_action(problem: str, observations: Sequence[str], budget: int) -> Action:
    """Return what follows on a problem statement and the observations so far.

    Args:
        problem: the first user message.
        observations: what came back after each earlier reply, in order.
        budget: most candidates to try.
    """
    search = Search(budget)
    for observation in observations:
        search = advance(search, observation)
    return decide(search, problem)


def advance(search: Search, observation: str) -> Search:
    """Return where the search stands after one more observation."""
    found = RESULT.findall(observation)
    try:
        result = Result.model_validate(from_json(found[-1])) if found else None
    except (ValueError, ValidationError):
        result = None
    if result is None or result.event != search.phase:
        return _unheard(search)
    search = replace(search, silent=0)
    if result.event == "survey":
        return _surveyed(search, result)
    if result.event == "try":
        return _tried(search, result)
    if result.event == "apply":
        return _applied(search, result)
    return replace(search, phase="submit")


def _surveyed(search: Search, result: Result) -> Search:
    if not result.candidates:
        note = result.note or "nothing suspicious can be mutated"
        return replace(search, phase="finish", say=f"No search is possible: {note}.")
    say = (
        f"{result.goals} failing example(s) or test(s) to satisfy, {result.tests} visible tests"
        f" to keep green, {result.candidates} candidate(s) within the budget."
    )
    return replace(search, phase="try", candidates=result.candidates, say=say)


def _tried(search: Search, result: Result) -> Search:
    tried = search.tried + max(1, result.tried)
    search = replace(search, tried=tried, winner=result.winner)
    if result.winner is not None:
        return replace(search, phase="apply", say=f"Candidate {result.winner + 1} works.")
    return _onward(search, f"{tried} tried, none works yet.")


def _applied(search: Search, result: Result) -> Search:
    if result.holds:
        say = f"Applied to {result.path} ({result.operator})."
        return replace(search, phase="submit", say=say)
    return _onward(search, "It does not hold against all visible tests.")


def _onward(search: Search, say: str) -> Search:
    if search.left > 0:
        return replace(search, phase="try", say=say)
    return replace(search, phase="finish", say=f"{say} The search is spent.")


def _unheard(search: Search) -> Search:
    """A command that was cut off counts as its whole batch; after two in a row give up.

    One that was cut off while it wrote to the tree ends the search, as only `finish` makes the
    tree what it was.
    """
    silent = search.silent + 1
    if search.phase in ("survey", "finish", "submit"):
        say = search.say or "The search cannot run here: it needs python3 and base64."
        return replace(search, phase="submit", say=say)
    if silent >= PATIENCE or search.phase == "apply":
        return replace(search, phase="finish", silent=0, say="The commands do not come to an end.")
    search = replace(search, silent=silent, tried=search.tried + search.batch)
    return _onward(search, "That batch was cut off.")


def decide(search: Search, problem: str) -> Action:
    """Return the action for where the search stands."""
    if search.phase == "survey":
        statement = read(problem)
        say = f"The report holds {len(statement.examples)} example statement(s). Looking around."
        return Action(say, commands.survey(statement, search.budget))
    if search.phase == "try":
        return Action(search.say, commands.attempt(search.tried, search.batch))
    if search.phase == "apply" and search.winner is not None:
        return Action(search.say, commands.apply(search.winner))
    if search.phase == "finish":
        return Action(search.say, commands.finish())
    return Action(search.say or "Done.", None)
