"""`arena report`, `view`, `compare`, `recommend`, `power` and `race`: what runs found."""

import io
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.cli import options
from arena.cli.options import Format, FormatFlag, emit_answer, switch, unset
from arena.errors import InputError, located

if TYPE_CHECKING:
    from arena.records import RaceRules
    from arena.report.scored import Scored
    from arena.run.plan import Plan
    from arena.score.results import Results

ReportFormat = Literal[
    "terminal", "json", "html", "csv", "parquet", "markdown", "latex", "junit", "predictions",
    "png", "svg",
]  # fmt: skip
TableChoice = Literal["trials", "calls", "tests", "contestants", "tasks", "pairs"]


def report(
    run: options.RunArgument,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="html writes the page and prints its path.")
    ] = "terminal",
    table: Annotated[TableChoice, typer.Option(help="What csv and parquet hold.")] = "trials",
    out: Annotated[Path | None, unset("A file; not for html.", "stdout")] = None,
    assurance: options.AssuranceFlag = None,
    value_usd: options.ValueFlag = None,
) -> None:
    """Show what a run found, for people, papers and other programs.

    Example: arena report runs/first --format csv --table trials --out trials.csv
    """
    from arena.report.scored import score
    from arena.score.load import load

    if format_ == "html" and out is not None:
        raise InputError(
            "the page and those of the trials have their place in the run, in report/",
            where="--out",
            remedy="leave it away, or name another --format",
        )
    scored = score(load(run), assurance, value_usd=value_usd)
    if format_ == "html":
        from arena.report.site import build

        print(build(scored))
    elif out is not None:
        options.write_file(out, _made(scored, format_, table), flag="--out")
    elif format_ in {"terminal", "json"}:
        show(scored, Format.JSON if format_ == "json" else Format.TABLE)
    else:
        sys.stdout.buffer.write(_made(scored, format_, table))


def _made(scored: "Scored", format_: ReportFormat, table: TableChoice) -> bytes:
    """A report as a file holds it."""
    from arena.report import exports

    if format_ == "terminal":
        from rich.console import Console

        text = io.StringIO()
        file = Console(file=text, width=options.PIPED_WIDTH, force_terminal=False)
        file.print(exports.render(scored))
        return text.getvalue().encode()
    assert format_ != "html"  # that is a folder of pages
    return exports.export(scored, format_, table=table)


def view(
    run: options.RunArgument,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
) -> None:
    """Serve the page of a run on 127.0.0.1 and follow it while it is running.

    Example: arena view runs/first --port 8000
    """
    from arena.report.view import serve

    serve(run, port=port, ready=lambda address: print(address, file=sys.stderr, flush=True))


def show(scored: "Scored", as_: Format) -> None:
    """Print the scoreboard of a run on stdout."""
    from arena.report import exports

    if as_ is Format.JSON:
        sys.stdout.writelines(exports.json_chunks(scored))
    else:
        options.print_drawn(exports.render(scored))


RACES = 1000
DEAREST = 3
"""Limit of a trial's cost, as a multiple of the dearest stated rate."""

RaceValueFlag = Annotated[float | None, unset("Worth of a solved task in USD.", "the run's own")]
RaceMarginFlag = Annotated[float | None, unset("Instead: loss of pass rate that is tolerated.")]
AlphaFlag = Annotated[float | None, unset("Chance of a wrong answer.", "the run's, or 0.05")]
RateFlag = Annotated[
    list[str] | None,
    unset("With --race, of a contestant: PASS RATE@USD a trial, such as 0.6@1.10; repeated."),
]


def compare(
    run: options.RunArgument,
    a: Annotated[str, options.argument("A contestant.", options.contestants)],
    b: Annotated[str, options.argument("Another contestant.", options.contestants)],
    other: Annotated[Path | None, unset("The run of the second.", "the same run", "--with")] = None,
    anyway: options.AnywayFlag = False,
    assurance: options.AssuranceFlag = None,
    value_usd: options.ValueFlag = None,
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
    run: options.RunArgument,
    value_usd: options.ValueFlag = None,
    margin: Annotated[
        float | None,
        unset("Only who is shown not worse than any by so much.", "any", callback=options.share),
    ] = None,
    max_cost: Annotated[float | None, unset("Most a solved task may cost, in USD.", "any")] = None,
    max_minutes: Annotated[
        float | None, unset("Most minutes nine trials in ten may take.", "any")
    ] = None,
    country: Annotated[
        list[str] | None,
        unset("Of the lab, such as CN; may be repeated.", "any", callback=options.countries),
    ] = None,
    residency: Annotated[
        list[str] | None,
        unset("Of the service, such as US; may be repeated.", "any", callback=options.countries),
    ] = None,
    open_weights: Annotated[bool, switch("--open-weights", "Only open weights.")] = False,
    self_hosted: Annotated[bool, switch("--self-hosted", "Only servers of your own.")] = False,
    assurance: options.AssuranceFlag = None,
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
    results = _no_race(run, "read its own answer with `arena report`")
    found = scoring.recommend(
        results, margin=margin, wanted=wanted, level=assurance, value_usd=value_usd
    )
    emit_answer(found, decisions.recommendation(found), format_)


def _no_race(run: Path, instead: str) -> "Results":
    """Results that draws of tasks may be taken from; raises `InputError` where it was a race."""
    from arena.score.load import load

    results = load(run)
    if results.manifest.race is not None:
        raise InputError("it was a race", where=str(run), remedy=instead)
    return results


def power(
    tasks: Annotated[int, typer.Argument(min=1, help="Number of tasks.")],
    gap: Annotated[
        list[float] | None,
        unset("Gap to see; may be repeated.", "0.20, 0.10 and 0.05", callback=options.share),
    ] = None,
    race: Annotated[bool, switch("--race", "What a race at --rate would spend.")] = False,
    rate: RateFlag = None,
    value_usd: RaceValueFlag = None,
    margin: RaceMarginFlag = None,
    alpha: AlphaFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Say what a number of tasks can show, and how many a gap needs.

    Example: arena power 40 --gap 0.05
    """
    from arena.stats.paired import suite_power

    if race:
        _race_power(tasks, rate or [], _rules(value_usd, margin, alpha), format_)
        return
    if any(flag is not None for flag in (rate, value_usd, margin, alpha)):
        flags = "--rate, --value-usd, --margin, --alpha"
        raise InputError("these are of a race", where=flags, remedy="add --race")
    found = suite_power(tasks, tuple(gap)) if gap else suite_power(tasks)
    emit_answer(found, found.line, format_)


def race(
    run: options.RunArgument,
    value_usd: RaceValueFlag = None,
    margin: RaceMarginFlag = None,
    alpha: AlphaFlag = None,
    races: Annotated[int, typer.Option(min=1, max=100_000, help="Orders to try.")] = RACES,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Race on a finished run in random orders: what it would have spent, and said.

    Example: arena race runs/first --value-usd 5
    """
    from arena.score import race as scoring

    results = _no_race(run, "give a run of the whole matrix")
    rules = _rules(value_usd, margin, alpha)
    with located(str(run)):
        found = scoring.replay(scoring.outcomes(results), rules, results.manifest, races=races)
    emit_answer(found, "\n".join(found.lines), format_)


def _rules(value_usd: float | None, margin: float | None, alpha: float | None) -> "RaceRules":
    """The rules that flags ask for; raises `InputError` where they ask for none, or for two."""
    from arena.records import RaceRules
    from arena.serialize import shaped

    if (value_usd is None) == (margin is None):
        remedy = "give one of them, such as --value-usd 5"
        where = "--value-usd, --margin"
        raise InputError("a race decides one thing", where=where, remedy=remedy)
    rules = {
        "goal": "best_value" if margin is None else "cheapest_not_worse",
        "value_usd": None if value_usd is None else Decimal(str(value_usd)),
        "margin": margin,
        "alpha": 0.05 if alpha is None else alpha,
    }
    return shaped(rules, RaceRules, where="--value-usd, --margin, --alpha")


def _race_power(tasks: int, rates: list[str], rules: "RaceRules", format_: Format) -> None:
    """Print what races at stated rates come to."""
    import numpy as np

    from arena.score import race as scoring

    pairs = [_rate(text) for text in rates]
    if len(pairs) < 2:
        remedy = "give --rate at least twice, such as --rate 0.6@1.10 --rate 0.5@0.05"
        raise InputError("a race takes two contestants", where="--rate", remedy=remedy)
    passes, costs = zip(*pairs, strict=True)
    passed, cost = scoring.stated(passes, costs, tasks, races=RACES, seed=0)
    most = DEAREST * max(costs)
    right = scoring.best_of(np.array(passes)[:, None], np.array(costs)[:, None], rules)
    found = scoring.forecast(rates, passed, cost.clip(max=most), rules, most, expected=right)
    emit_answer(found, "\n".join(found.lines), format_)


def _rate(text: str) -> tuple[float, float]:
    share, _, usd = text.partition("@")
    with suppress(ValueError):
        if 0 < float(share) < 1 and 0 <= float(usd) < float("inf"):
            return float(share), float(usd)
    remedy = "write PASS RATE@USD, such as 0.6@1.10"
    raise InputError(f"{text!r} is no rate and price", where="--rate", remedy=remedy)


def forecast_lines(plan: "Plan", earlier: list[Path]) -> tuple[str, ...]:
    """What races would come to, from the outcomes of an earlier run; nothing for no race."""
    import numpy as np

    from arena.score import race as scoring
    from arena.score.load import load

    if plan.race is None:
        return ()
    names = [one.name for one in scoring.racers(plan.contestants)]
    config, rules = plan.config, plan.race.rules
    for run in earlier:
        found = scoring.outcomes(load(run))
        whole = np.flatnonzero(~np.isnan(found.passed).any(axis=0))
        if not set(names) <= set(found.contestants) or not len(whole):
            continue
        mine = np.ix_(np.array([found.contestants.index(name) for name in names]), whole)
        passed, cost, wall_s = found.passed[mine], found.cost_usd[mine], found.wall_s[mine]
        shape = (RACES, sum(not task.impossible for task in plan.tasks))
        tasks = np.random.default_rng(config.seed).choice(len(whole), size=shape)
        at_once = max(1, min(config.concurrency, plan.trials))
        made = scoring.forecast(
            names,
            np.moveaxis(passed[:, tasks], 0, 1),
            np.moveaxis(cost[:, tasks], 0, 1),
            rules,
            scoring.cost_bound(config.limits, found.cost_usd),
            expected=scoring.best_of(passed, cost, rules),
            attempts=config.attempts,
            task_s=wall_s.mean(axis=1) * config.attempts / at_once,
        )
        return (f"as a race, from {len(whole)} tasks of {run}:", *made.lines)
    lacks = "as a race: no earlier run has outcomes of all contestants"
    return (f"{lacks}; 'arena power --race' takes stated rates",)
