"""`[policy]`: whether a backend may be sent code at all. What is not known is not allowed."""

from collections.abc import Sequence

from arena.config import Policy
from arena.errors import InputError
from arena.records import BackendSpec


def enforce(
    policy: Policy | None, specs: Sequence[BackendSpec], *, private: Sequence[str] = ()
) -> None:
    """Refuse before the first call.

    Args:
        policy: of the configuration.
        specs: every backend of the run.
        private: tasks that may only be sent where a policy allows it.

    Raises:
        InputError: a backend the policy does not allow, or private tasks without a policy.
    """
    if policy is None:
        if private and specs:
            raise InputError(
                f"task {private[0]!r} is private",
                where="[policy]",
                remedy="say where private code may go: countries, residency, allow_training",
            )
        return
    for spec in specs:
        if reasons := violations(policy, spec):
            raise InputError(
                f"not allowed: {'; '.join(reasons)}",
                where=f"[policy]: backend {spec.name}",
                remedy="change the policy or leave the backend out",
            )


def violations(policy: Policy, spec: BackendSpec) -> list[str]:
    """Why a policy does not allow a backend, in words; empty when it does.

    A self-hosted server keeps what it is sent, so only the lab's country counts.
    """
    found = []
    if policy.countries is not None:
        found += _outside("the lab's country", spec.country, policy.countries)
        if not spec.self_hosted:
            found += _outside("the provider's country", spec.provider_country, policy.countries)
    if spec.self_hosted:
        return found
    if policy.residency is not None:
        found += _outside("where it processes requests", spec.residency, policy.residency)
    if not policy.allow_training and spec.trains_on_data is not False:
        found.append(
            "it may train on what it is sent"
            if spec.trains_on_data
            else "whether it trains on what it is sent is not known"
        )
    return found


def _outside(what: str, value: str | None, allowed: Sequence[str]) -> list[str]:
    if value is None:
        return [f"{what} is not known"]
    return [] if value in allowed else [f"{what} is {value}"]
