"""`arena compare`, `recommend` and `power`: decisions from runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli import options
from arena.cli import race as forecast
from arena.cli.options import (
    AnywayFlag,
    AssuranceChoice,
    Format,
    FormatFlag,
    RunArgument,
    ValueFlag,
    emit_answer,
    unset,
)
from arena.cli.race import AlphaFlag, RateFlag
from arena.cli.race import MarginFlag as RaceMarginFlag
from arena.cli.race import ValueFlag as RaceValueFlag
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.score.results import Results

AssuranceFlag = Annotated[
    AssuranceChoice | None, unset("Take the tasks graded this way.", "the strongest there is")
]


def compare(
    run: RunArgument,
    a: Annotated[str, typer.Argument(help="A contestant.", autocompletion=options.contestants)],
    b: Annotated[
        str, typer.Argument(help="Another contestant.", autocompletion=options.contestants)
    ],
    other: Annotated[
        Path | None, unset("Take the second contestant from this run.", "the same run", "--with")
    ] = None,
    anyway: AnywayFlag = False,
    assurance: AssuranceFlag = None,
    value_usd: ValueFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Compare two contestants of one run, or of two.

    Example: arena compare runs/first deepseek gpt
    """
    from arena.report import decisions
    from arena.score import compare as scoring
    from arena.score.load import load
    from arena.score.pairs import contender
    from arena.score.recommend import ranked_of, value_of

    first = load(run)
    second = first if other is None else load(other)
    found = scoring.compare(
        contender(first, a, assurance),
        contender(second, b, assurance),
        anyway=anyway,
        seed=first.manifest.seed,
        family=ranked_of(first, assurance) if other is None else None,
        value_usd=value_of(first, value_usd),
    )
    emit_answer(found, decisions.comparison(found), format_)


def recommend(
    run: RunArgument,
    value_usd: ValueFlag = None,
    margin: Annotated[
        float | None,
        unset(
            "Only who is shown not to pass less than any other by so much.",
            "any",
            callback=options.share,
        ),
    ] = None,
    max_cost: Annotated[
        float | None, unset("Most that a solved task may cost, in USD.", "any")
    ] = None,
    max_minutes: Annotated[
        float | None, unset("Most minutes that nine trials in ten may take.", "any")
    ] = None,
    country: Annotated[
        list[str] | None,
        unset("Of the lab, such as CN; may be repeated.", "any", callback=options.countries),
    ] = None,
    residency: Annotated[
        list[str] | None,
        unset("Of the service, such as US; may be repeated.", "any", callback=options.countries),
    ] = None,
    open_weights: Annotated[
        bool, typer.Option("--open-weights", help="Only models whose weights can be had.")
    ] = False,
    self_hosted: Annotated[
        bool, typer.Option("--self-hosted", help="Only servers of your own.")
    ] = False,
    assurance: AssuranceFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Name the best buy at what a solved task is worth, and say how sure that is.

    Example: arena recommend runs/first --value-usd 5 --residency US
    """
    from arena.report import decisions
    from arena.score import recommend as scoring

    wanted = scoring.Wanted(
        max_cost_usd=max_cost,
        max_minutes=max_minutes,
        countries=tuple(country or ()),
        residencies=tuple(residency or ()),
        open_weights=open_weights,
        self_hosted=self_hosted,
    )
    found = scoring.recommend(
        _no_race(run), margin=margin, wanted=wanted, level=assurance, value_usd=value_usd
    )
    emit_answer(found, decisions.recommendation(found), format_)


def _no_race(run: Path) -> "Results":
    """The results of a run whose number of tasks was fixed before, as draws of tasks need.

    Raises:
        InputError: it was a race.
    """
    from arena.score.load import load

    results = load(run)
    if results.manifest.race is not None:
        remedy = "read its own answer with `arena report`"
        raise InputError("it was a race", where=str(run), remedy=remedy)
    return results


def power(
    tasks: Annotated[int, typer.Argument(min=1, help="Number of tasks.")],
    gap: Annotated[
        list[float] | None,
        unset(
            "Gap to see, such as 0.05; may be repeated.",
            "0.20, 0.10 and 0.05",
            callback=options.shares,
        ),
    ] = None,
    race: Annotated[
        bool, typer.Option("--race", help="What a race would spend, at the rates of --rate.")
    ] = False,
    rate: RateFlag = None,
    value_usd: RaceValueFlag = None,
    margin: RaceMarginFlag = None,
    alpha: AlphaFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Say what a number of tasks can show, and how many a gap needs.

    Example: arena power 40 --gap 0.05
    """
    from arena.stats.power import suite_power

    if race:
        forecast.power(tasks, rate or [], forecast.rules_of(value_usd, margin, alpha), format_)
        return
    if any(flag is not None for flag in (rate, value_usd, margin, alpha)):
        flags = "--rate, --value-usd, --margin, --alpha"
        raise InputError("these are of a race", where=flags, remedy="add --race")
    found = suite_power(tasks, tuple(gap)) if gap else suite_power(tasks)
    emit_answer(found, found.line, format_)
