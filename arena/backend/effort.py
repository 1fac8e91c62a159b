"""A backend that is told how hard to think, as data: one vocabulary, each provider's own words.

What an endpoint would refuse, drop or silently round to another level is refused before the run.
"""

from typing import get_args

from arena.backend.resolve import filled
from arena.errors import InputError
from arena.records import Api, BackendSpec, EffortLevel, EffortRule

LEVELS: tuple[EffortLevel, ...] = get_args(EffortLevel)
STANDARD: dict[Api, EffortRule] = {
    "chat": EffortRule(levels=LEVELS, body={"reasoning_effort": "{effort}"}),
    "responses": EffortRule(levels=LEVELS, body={"reasoning": {"effort": "{effort}"}}),
    "messages": EffortRule(
        levels=LEVELS,
        body={"thinking": {"type": "adaptive"}, "output_config": {"effort": "{effort}"}},
        none={"thinking": {"type": "disabled"}},
    ),
}
"""As OpenAI and Anthropic write it: what is sent to an endpoint that no profile describes."""
UNPROVEN = "Nobody knows whether this endpoint heeds an effort: compare the output tokens."


def told(spec: BackendSpec, effort: EffortLevel) -> BackendSpec:
    """The backend with an effort in every call, by whichever agent.

    Args:
        spec: at the API that is used.
        effort: asked for.

    Raises:
        InputError: the endpoint would not heed it, or `extra_body` says otherwise.
    """
    rules = STANDARD if spec.provider is None else spec.effort
    rule = rules.get(spec.api, EffortRule())
    if effort not in rule.levels:
        what = f"effort {effort!r} would be refused, dropped or rounded by {spec.name}"
        taken = ", ".join(rule.levels) or f"no effort over its {spec.api} API, as far as is known"
        raise InputError(what, remedy=f"it takes {taken}")
    body = rule.body
    if effort == "none" and rule.none:
        body = rule.none
    asked = filled(body, {"effort": rule.values.get(effort, effort)})
    assert isinstance(asked, dict)
    given = spec.quirks.extra_body
    if twice := sorted(asked.keys() & given.keys() - spec.chat_body.keys()):
        raise InputError(f"extra_body sets {twice[0]!r}, and so does efforts", remedy="remove one")
    quirks = spec.quirks.model_copy(update={"extra_body": {**given, **asked}})
    unproven = spec.self_hosted or spec.provider is None
    caveats = (*spec.caveats, UNPROVEN) if unproven else spec.caveats
    return spec.model_copy(update={"quirks": quirks, "caveats": caveats})
