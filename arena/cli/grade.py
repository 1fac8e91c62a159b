"""`arena grade`: anybody's patches under our verification, no agent involved."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli import options
from arena.cli.options import Format, FormatFlag, emit, runs_dir, say, unset

if TYPE_CHECKING:
    from pydantic import JsonValue

    from arena.run.predictions import Graded

COLUMNS = ("instance_id", "model", "verdict", "reason", "seconds")


def grade(
    predictions: Annotated[Path, typer.Argument(help="JSON or JSON Lines with patches.")],
    tasks: Annotated[
        list[str],
        typer.Option(
            "--tasks", help="Pack, task or path; may be repeated.", autocompletion=options.packs
        ),
    ],
    out: Annotated[Path | None, unset("The run directory.", "runs/grade-FILE")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Patches at once.")] = 2,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Grade patches that others made; writes a run directory like any run.

    Example: arena grade predictions.jsonl --tasks core
    """
    from arena.cli import EXIT_NO_VERDICT
    from arena.errors import InputError
    from arena.run import predictions as grading
    from arena.sandbox.engine import DockerEngine
    from arena.sandbox.image.images import Images
    from arena.task import pack as packs
    from arena.task.formats.predictions import match, read_predictions

    given = read_predictions(predictions)
    known = [task for name in tasks for task in packs.load(name, base=Path())]
    found = match(given, known)
    if not found:
        raise InputError(
            f"none of its instances is a task of {', '.join(tasks)}",
            where=str(predictions),
            remedy=f"its first is {given[0].instance_id!r}",
        )
    graded = [one for one in given if one.instance_id in found]
    out = out or runs_dir() / f"grade-{predictions.stem}"
    with DockerEngine.answering() as engine:
        engine.reap()
        chosen = {task.id: task for task in found.values()}
        job = grading.GradingJob(
            predictions=graded,
            tasks=found,
            images=Images(engine, packs.tree_files).ensure(list(chosen.values())),
            engine=engine,
            jobs=jobs,
        )
        results = grading.grade(job, out, say=say)
    unknown = sorted({one.instance_id for one in given} - found.keys())
    without = sorted({task.id for task in known} - chosen.keys())
    _show(results, {"unknown": unknown, "without_prediction": without}, out, format_)
    if any(result.verdict is None for result in results):
        raise typer.Exit(EXIT_NO_VERDICT)


def _show(results: list["Graded"], left: dict[str, list[str]], out: Path, format_: Format) -> None:
    """Print results; what was left ungraded is part of the JSON, else a line on stderr."""
    rows: list[dict[str, JsonValue]] = [asdict(result) for result in results]
    told = {
        "unknown": "not graded, since they are of no task that --tasks names",
        "without_prediction": "tasks that the file has no patch for",
    }
    for key, ids in left.items():
        if ids:
            more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
            say(f"{told[key]}: {', '.join(ids[:5])}{more}")
    say(f"run: {out}")
    if format_ is Format.JSON:
        print(json.dumps({"results": rows, **left, "run": str(out)}, ensure_ascii=False))
    else:
        emit("results", rows, COLUMNS, format_)
