"""Compare the catalogue with other books: prices, what they have and we lack, context windows.

    python scripts/crosscheck_prices.py [DATE] [--litellm model_prices_and_context_window.json]

Prices the same calls by ours and by `genai-prices` at several sizes and hours of one day, and names
the source that settles each difference. Vendors that `genai-prices` does not carry in their own
currency are compared where it converts. With a litellm map, which its wheel holds, its models and
windows are compared too.
"""

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from genai_prices import Usage as TheirUsage
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot

from arena.backend import catalog
from arena.backend.catalog import ModelRow, ProviderProfile
from arena.money.prices import SHIPPED_FX, call_cost, row_at
from arena.records import Usage

THEIRS = {
    "anthropic": "anthropic",
    "deepseek": "deepseek",
    "google": "google",
    "meta": "meta",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "xai": "x-ai",
    "zai": "zai",
    "zhipu": "zhipuai",
}
LITELLM = {
    "alibaba": "dashscope",
    "anthropic": "anthropic",
    "deepseek": "deepseek",
    "google": "gemini",
    "meta": "meta",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshot",
    "openai": "openai",
    "tencent": "tencent",
    "volcengine": "volcengine",
    "xai": "xai",
    "xiaomi": "xiaomi_mimo",
    "zai": "zai",
}
"""What a map of litellm calls the same providers."""
NOT_CHAT = re.compile(
    r"audio|image|tts|realtime|transcri|embed|ocr|moderation|live|voice|whisper|vision|robotics|omni"
    r"|davinci|babbage|curie|^ada$|banana|search|:"
)
"""Models of these books that no bake-off can call."""
SIZES = [(1_000, 0, 100), (1_000, 0, 1_000), (30_000, 20_000, 500), (150_000, 0, 500)]
SIZES += [(250_000, 100_000, 500), (600_000, 0, 500)]
"""(prompt, cached part, output) in tokens."""
NOTICED = Decimal("0.005")
"""Relative difference from which on two prices are called different."""
SETTLED = {
    "deepseek/deepseek-chat": "the vendor's pricing page of 2025-09 on; theirs is of 2025-07",
    "deepseek/deepseek-reasoner": "the vendor's pricing page of 2025-09 on; theirs is of 2025-07",
    "deepseek/deepseek-flash": "the vendor's page: weekends have no peak; genai-prices issue 582",
    "deepseek/deepseek-v4-pro": "the vendor's page: weekends have no peak; genai-prices issue 582",
    "xai/grok-code-fast-1": "retired on 2026-05-15: the name is another model since",
    "zhipu/glm-4.7": "priced in CNY by prompt and output length; theirs is one tier at 7.25",
    "zhipu/glm-5": "priced in CNY by prompt length; theirs is one tier at 7.25",
    "zhipu/glm-5-turbo": "priced in CNY by prompt length; theirs is one tier at 7.25",
    "zhipu/glm-5.3": "priced in CNY; theirs is converted at 7.25",
}
"""What decides between the two books where they are known to differ."""


@dataclass(frozen=True)
class Difference:
    """One model both books price, at the call where they differ most."""

    backend: str
    call: str
    ours_usd: Decimal | None
    theirs_usd: Decimal
    our_source: str


def differences(day: date) -> list[Difference]:
    """Models priced differently on a day and the Sunday after it, one entry each."""
    theirs = DataSnapshot(providers=providers, from_auto_update=False)
    found = []
    for profile, row in catalog.load().rows():
        if not row.prices or profile.id not in THEIRS:
            continue
        worst = max(_of_row(theirs, profile, row, day), key=_size, default=None)
        if worst is not None and _size(worst) > NOTICED:
            found.append(worst)
    return found


def _of_row(
    theirs: DataSnapshot, profile: ProviderProfile, row: ModelRow, day: date
) -> Iterator[Difference]:
    prices = row.priced_in((row.regions or tuple(profile.regions))[0])
    sunday = day + timedelta(days=7 - day.isoweekday())
    for moment in (day, sunday):
        for hour in (2, 12):
            at = datetime(moment.year, moment.month, moment.day, hour, tzinfo=UTC)
            for prompt, cached, output in SIZES:
                usage = TheirUsage(
                    input_tokens=prompt, cache_read_tokens=cached, output_tokens=output
                )
                try:
                    other = theirs.calc(usage, row.id, THEIRS[profile.id], None, at, None)
                except LookupError:  # a model they do not carry
                    return
                mine = Usage(input_fresh=prompt - cached, cache_read=cached, output=output)
                cost = call_cost(mine, prices, at=at, fx=SHIPPED_FX).computed_usd
                ours = row_at(prices, at)
                yield Difference(
                    backend=f"{profile.id}/{row.id}",
                    call=f"{prompt} tokens ({cached} cached) to {output}, {at:%a %H:%M} UTC",
                    ours_usd=cost,
                    theirs_usd=other.total_price,
                    our_source=ours.source if ours else "no price on this day",
                )


def _size(found: Difference) -> Decimal:
    if found.ours_usd is None:
        return Decimal("Infinity")
    larger = max(found.ours_usd, found.theirs_usd)
    return abs(found.ours_usd - found.theirs_usd) / larger if larger else Decimal(0)


@dataclass(frozen=True)
class TheirModel:
    """A model of another book."""

    backend: str
    context_window: int | None


def theirs() -> Iterator[TheirModel]:
    """Every text model of `genai-prices` at a provider of ours."""
    ours = {name: own for own, name in THEIRS.items()}
    for provider in providers:
        for model in provider.models:
            if provider.id in ours and not NOT_CHAT.search(model.id):
                yield TheirModel(f"{ours[provider.id]}/{model.id}", model.context_window)


def litellms(path: Path, day: date) -> Iterator[TheirModel]:
    """Every text model of a litellm map at a provider of ours that is not gone."""
    ours = {name: own for own, name in LITELLM.items()}
    for key, row in json.loads(path.read_text()).items():
        own, gone = ours.get(row.get("litellm_provider")), row.get("deprecation_date")
        chat = row.get("mode") in {"chat", "responses"} and not NOT_CHAT.search(key)
        if own and chat and not (gone and gone <= day.isoformat()):
            yield TheirModel(f"{own}/{key.rpartition('/')[2]}", row.get("max_input_tokens"))


def lacking(models: Iterable[TheirModel]) -> list[str]:
    """Those that our catalogue does not have."""
    ours = {f"{profile.id}/{row.id}".lower() for profile, row in catalog.load().rows()}
    return sorted({m.backend for m in models if m.backend.lower() not in ours})


def windows(models: Iterable[TheirModel]) -> list[str]:
    """Context windows that are another, or unknown here, one line each."""
    ours = {f"{p.id}/{row.id}".lower(): row.context_window for p, row in catalog.load().rows()}
    return [
        f"{model.backend}: ours {ours[key]}, theirs {model.context_window}"
        for model in models
        if (key := model.backend.lower()) in ours and model.context_window not in {None, ours[key]}
    ]


def main() -> int:
    """Print what differs and what is lacking; 1 when a difference of prices is not settled."""
    parser = argparse.ArgumentParser(description=__doc__)
    today = datetime.now(UTC).date()
    parser.add_argument("day", nargs="?", type=date.fromisoformat, default=today)
    parser.add_argument("--litellm", type=Path, help="a map of litellm's")
    asked = parser.parse_args()
    open_ones = 0
    for found in differences(asked.day):
        settled = SETTLED.get(found.backend)
        open_ones += settled is None
        print(f"{found.backend}: ours {found.ours_usd} USD, theirs {found.theirs_usd} USD")
        print(f"  at {found.call}")
        print(f"  ours from {found.our_source}")
        print(f"  {'settled by ' + settled if settled else 'NOT SETTLED'}")
    books = {"genai-prices": list(theirs())}
    if asked.litellm:
        books["litellm"] = list(litellms(asked.litellm, asked.day))
    for name, models in books.items():
        print(f"\n{name} has and we lack:", *lacking(models), sep="\n  ")
        print(f"\ncontext windows of {name}:", *windows(models), sep="\n  ")
    return 1 if open_ones else 0


if __name__ == "__main__":
    raise SystemExit(main())
