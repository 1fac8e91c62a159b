"""`arena backends`: the catalogue of providers and models."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli import EXIT_CHECK_FAILED, options
from arena.cli.options import Format, FormatFlag, argument, emit, switch, unset
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.backend.catalog import Catalog

app = typer.Typer(
    help="List, show and check model backends.\n\nExample: arena backends list --country CN",
    no_args_is_help=True,
)

PRICE_COLUMNS = ("input", "cached_input", "output", "currency")
LIST_COLUMNS = (
    "name", "country", "residency", "open_weights", "status", "retires_on", *PRICE_COLUMNS,
)  # fmt: skip
OwnProfilesFlag = Annotated[
    list[Path] | None,
    unset("Folder with provider profiles; may be repeated.", "the shipped ones alone"),
]


@app.command("list")
def list_(
    country: Annotated[
        str | None, unset("Of the lab, such as CN.", "any", callback=options.country)
    ] = None,
    residency: Annotated[
        str | None, unset("Of the service, such as US.", "any", callback=options.country)
    ] = None,
    open_weights: Annotated[
        bool | None,
        unset("Whether the weights can be had.", "either", "--open-weights/--closed-weights"),
    ] = None,
    profiles: OwnProfilesFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """List backends, with what a million tokens cost (the first tier) and until when they are
    served.

    Example: arena backends list --country CN --open-weights
    """
    from arena.backend import catalog, checks

    rows = checks.listed(
        catalog.load(profiles or ()),
        today=options.today(),
        country=country,
        residency=residency,
        open_weights=open_weights,
    )
    if not rows:
        options.say("no backend of the catalogue is so")
    shown = [row.model_dump(mode="json") for row in rows]
    if format_ is Format.TABLE:
        for row in shown:
            price = row["price"]
            tier = {**price["tiers"][0], **price} if price else {}
            row |= {column: tier.get(column) for column in PRICE_COLUMNS}
    emit("backends", shown, LIST_COLUMNS, format_)


@app.command()
def show(
    name: Annotated[str, argument("Such as deepseek/deepseek-v4-pro.", options.backends)],
    profiles: OwnProfilesFlag = None,
) -> None:
    """Show all that is known of a backend, with sources, as JSON.

    Example: arena backends show deepseek/deepseek-v4-pro
    """
    from arena.backend import catalog

    profile, _, model = catalog.load(profiles or ()).find(name)
    row = catalog.row_of(profile, model)
    shown = profile.model_dump(mode="json", exclude={"models"}, exclude_defaults=True)
    if row.source:
        shown["model"] = row.model_dump(mode="json", exclude_unset=True)
    print(json.dumps(shown, indent=2, ensure_ascii=False))


@app.command()
def check(
    names: Annotated[
        list[str] | None, argument("Check these alone, as provider/model.", options.backends, "all")
    ] = None,
    live: Annotated[bool, switch("--live", "Hold a tiny talk with each; costs money.")] = False,
    evidence: Annotated[
        Path, typer.Option(help="With --live: folder for profiles that record what was seen.")
    ] = Path("profiles"),
    profiles: OwnProfilesFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Check the catalogue: form, sources, prices not looked at for 60 days, and what retires
    within 60 days.

    Example: arena backends check openai/gpt-5.1
    """
    from arena.backend import catalog, checks

    known = catalog.load(profiles or ())
    if live:
        good = _check_live(known, names or [], evidence, format_)
    else:
        found = checks.check(known, today=options.today(), names=names or ())
        rows = [finding._asdict() for finding in found]
        emit("findings", rows, ("level", "backend", "text"), format_)
        good = all(finding.level not in {"error", "stale"} for finding in found)
    if not good:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _check_live(known: "Catalog", names: list[str], evidence: Path, form: Format) -> bool:
    from arena.backend import checks
    from arena.backend.resolve import resolve
    from arena.money.prices import SHIPPED_FX

    if not names:
        raise InputError("no backend named", where="--live", remedy="name some: each costs money")
    today = options.today()
    specs = [resolve(name, known, today=today, environ=os.environ) for name in names]
    seen = [checks.probe(spec, fx=SHIPPED_FX, environ=os.environ) for spec in specs]
    checks.record(seen, evidence, today=today)
    emit("checks", seen, ("backend", "ok", "cost_usd", "detail"), form)
    return all(one.ok for one in seen)
