"""The catalogue of backends: shipped provider profiles with a user's own over them.

Names are `provider/model` or `provider@region/model`; `arena.backend.resolve` makes specs of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from arena import registry
from arena.backend.profile import ModelRow, Profile
from arena.config import input_error
from arena.errors import InputError
from arena.records import BackendSpec, PriceRow
from arena.serialize import read_toml

SHIPPED = Path(__file__).parent / "profiles"


@dataclass(frozen=True)
class Catalogue:
    """Provider profiles by id."""

    profiles: Mapping[str, Profile]

    def rows(self) -> Iterator[tuple[Profile, ModelRow]]:
        """Every model of every provider, in order of provider and file."""
        for profile in self.profiles.values():
            for row in profile.models:
                yield profile, row

    def provider(self, name: str) -> Profile:
        """A provider by id."""
        if name not in self.profiles:
            raise registry.unknown("provider", name, self.profiles)
        return self.profiles[name]

    def find(self, name: str) -> tuple[Profile, str, str]:
        """Provider, region and model of a catalogue name.

        Raises:
            InputError: no such provider, region or model.
        """
        head, slash, model = name.partition("/")
        provider, _, region = head.partition("@")
        if not slash or not model:
            raise InputError(
                f"{name!r} is not a backend",
                remedy="write provider/model; `arena backends list` shows them",
            )
        profile = self.provider(provider)
        return profile, region_of(profile, row_of(profile, model), region or None), model


def load(own: Sequence[Path] = ()) -> Catalogue:
    """Shipped profiles, each changed by later ones of the same id.

    A user's file may be a whole profile or only what differs; model rows are matched by id.

    Args:
        own: folders of profiles, or single files.

    Raises:
        InputError: a folder or file that cannot be read, or a profile that does not fit the form.
    """
    raw: dict[str, dict[str, Any]] = {}
    origin: dict[str, Path] = {}
    for place in (SHIPPED, *own):
        if not place.exists():
            raise InputError("no such folder of profiles", where=str(place))
        for path in sorted(place.glob("*.toml")) if place.is_dir() else [place]:
            data = read_toml(path)
            name = str(data.get("id", path.stem))
            raw[name] = _merged(raw.get(name, {}), data)
            origin[name] = path
    return Catalogue({name: _profile(raw[name], origin[name]) for name in sorted(raw)})


def _profile(data: dict[str, Any], path: Path) -> Profile:
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        raise input_error(error, where=str(path), root=Profile) from None


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        if key == "models" and key in found:
            rows = {row.get("id"): row for row in found[key]}
            for row in value:
                rows[row.get("id")] = {**rows.get(row.get("id"), {}), **row}
            found[key] = list(rows.values())
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = _merged(found[key], value)
        else:
            found[key] = value
    return found


def region_of(profile: Profile, row: ModelRow | None, name: str | None) -> str:
    """The region asked for, else the first that serves the model.

    Raises:
        InputError: no such region, or it does not serve the model.
    """
    served = row.regions if row is not None and row.regions else tuple(profile.regions)
    if name is None:
        return served[0]
    if name not in served:
        raise registry.unknown(f"region of {profile.id}", name, served)
    return name


def row_of(profile: Profile, model: str) -> ModelRow | None:
    """A model's row, aliases followed; None for what a self-hosted server may have loaded.

    Raises:
        InputError: no such model.
    """
    rows = {row.id: row for row in profile.models}
    row = rows.get(model)
    if row is None and not profile.any_model:
        raise registry.unknown(f"model of {profile.id}", model, rows)
    return row if row is None or row.alias_of is None else rows[row.alias_of]


def prices_of(catalogue: Catalogue, spec: BackendSpec) -> tuple[PriceRow, ...] | None:
    """What the catalogue says now about a recorded backend's prices; None if it says nothing."""
    profile = catalogue.profiles.get(spec.provider or "")
    row = None if profile is None else next((m for m in profile.models if m.id == spec.model), None)
    if profile is None or row is None:
        return None
    at = {r.base_url: name for name, r in profile.regions.items()}
    return row.priced_in(at.get(spec.base_url, next(iter(profile.regions))))


def is_retired(row: ModelRow, today: date) -> bool:
    """Whether the name no longer answers as the model it names."""
    return row.status == "retired" or (row.retires_on is not None and row.retires_on <= today)


def explain(profile: Profile, row: ModelRow, today: date) -> str:
    """In words what became of a model that is retired or will be, and what still serves it."""
    name = row.label or row.id
    if is_retired(row, today):
        since = f" since {row.retires_on}" if row.retires_on else ""
        fate = f"{profile.label} no longer serves {name}{since}"
    else:
        fate = f"{profile.label} ends {name} on {row.retires_on}"
    redirect = f"; {row.redirects_to} answers under its name" if row.redirects_to else ""
    routes = f"; other routes: {', '.join(row.routes)}" if row.routes else "; no other route known"
    return f"{fate}{redirect}{routes}"
