"""Invented labs, contestants and tasks for report tests: no number here is anybody's."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arena.records import BackendSpec, ContestantSpec, PriceRow, PriceTier, digest_of


@dataclass(frozen=True)
class Actor:
    """A contestant with what the simulation needs to know about it."""

    spec: ContestantSpec
    skill: float
    """Chance to pass a task of middle difficulty."""
    steps: int = 12
    output_per_step: int = 260
    reasoning_share: float = 0.0
    seconds_per_call: float = 4.0
    fault_rate: float = 0.0


def backend(
    provider: str,
    model: str,
    lab: str | None,
    country: str | None,
    prices: tuple[str, str, str] | None,
    *,
    open_weights: bool | None = False,
    simulated: bool = False,
    hourly: str | None = None,
) -> BackendSpec:
    rows: tuple[PriceRow, ...] = ()
    if prices:
        tier = PriceTier(
            input=Decimal(prices[0]), cached_input=Decimal(prices[1]), output=Decimal(prices[2])
        )
        rows = (
            PriceRow(
                valid_from=date(2026, 9, 1),
                tiers=(tier,),
                source=f"https://{provider}.example/pricing",
                checked_on=date(2026, 11, 20),
                evidence="docs",
            ),
        )
    return BackendSpec(
        name=f"{provider}/{model}",
        provider=provider,
        model=model,
        base_url=f"https://api.{provider}.example/v1",
        prices=rows,
        hourly_usd=Decimal(hourly) if hourly else None,
        lab=lab,
        country=country,
        open_weights=open_weights,
        self_hosted=hourly is not None,
        simulated=simulated,
    )


def contestant(name: str, spec: BackendSpec | None, agent: str = "shell") -> ContestantSpec:
    return ContestantSpec(
        name=name,
        agent=agent,
        agent_digest=digest_of([agent, 1]),
        backend=spec,
        params={"protocol": "tools"} if spec else {},
        control=spec is None,
    )


def cast(*, simulated: bool = False) -> tuple[Actor, ...]:
    """Eight contestants from four countries, and the two controls."""

    def shell(name: str, *args: object, **extra: object) -> ContestantSpec:
        return contestant(name, backend(*args, simulated=simulated, **extra))  # type: ignore[arg-type]

    return (
        Actor(contestant("oracle", None, "oracle"), 2.0, steps=0),
        Actor(contestant("nop", None, "nop"), -1.0, steps=0),
        Actor(
            shell("summit-xl", "cascade", "summit-xl", "Cascade", "US", ("5", "0.5", "25")),
            0.78,
            steps=14,
            output_per_step=420,
            reasoning_share=0.5,
            seconds_per_call=9.0,
        ),
        Actor(
            shell("summit-mini", "cascade", "summit-mini", "Cascade", "US", ("0.4", "0.04", "1.6")),
            0.55,
            steps=15,
            seconds_per_call=3.0,
        ),
        Actor(
            shell("harbor-2", "harbor", "harbor-2", "Harbor AI", "US", ("2", "0.2", "10")),
            0.68,
            steps=13,
            output_per_step=350,
            seconds_per_call=6.0,
        ),
        Actor(
            shell(
                "lantern-3",
                "pearlriver",
                "lantern-3",
                "Pearl River",
                "CN",
                ("0.28", "0.028", "0.42"),
                open_weights=True,
            ),
            0.72,
            steps=16,
            output_per_step=380,
            reasoning_share=0.6,
            seconds_per_call=8.0,
            fault_rate=0.01,
        ),
        Actor(
            shell(
                "jade-coder",
                "jade",
                "jade-coder-plus",
                "Jade",
                "CN",
                ("0.6", "0.11", "2.2"),
                open_weights=True,
            ),
            0.66,
            steps=18,
            seconds_per_call=5.0,
        ),
        Actor(
            shell("crane-flash", "crane", "crane-flash", "Crane", "CN", ("0.05", "0.01", "0.3")),
            0.41,
            steps=17,
            seconds_per_call=2.0,
        ),
        Actor(
            shell("brume-medium", "brume", "brume-medium", "Brume", "FR", None, open_weights=True),
            0.5,
            steps=13,
            seconds_per_call=4.0,
        ),
        Actor(
            shell(
                "local-14b",
                "local",
                "local-14b",
                None,
                None,
                None,
                open_weights=None,
                hourly="1.20",
            ),
            0.3,
            steps=20,
            seconds_per_call=7.0,
        ),
    )


TITLES = (
    ("interval-merge", "Back-to-back bookings show as separate blocks", "easy"),
    ("lru-expiry", "Refreshed entries disappear at their old deadline", "medium"),
    ("route-template", "Titles with a slash cannot be opened", "medium"),
    ("text-wrap", "Wide characters overflow the column", "hard"),
    ("business-days", "The last day of the year counts as a working day", "medium"),
    ("version-range", "Pre-releases satisfy a range they should not", "hard"),
    ("csv-quote", "A quoted line break splits a record", "easy"),
    ("retry-budget", "Retries go on after the deadline", "medium"),
    ("unit-parse", "Kibibytes are read as kilobytes", "easy"),
    ("graph-cycle", "A self-dependency is reported as missing", "medium"),
    ("money-round", "Shares of an invoice do not add up", "hard"),
    ("tree-diff", "Moved folders appear as deleted", "hard"),
)
