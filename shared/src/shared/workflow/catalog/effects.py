"""Effects of blocks outside their run, as recordings name them."""

from typing import Final

from shared.contracts.recordings import EffectKind
from shared.workflow.catalog.spec import BlockSpec, Effect
from shared.workflow.format.js_values import JsonObject

_MODELS: Final = frozenset({"agent", "router", "router_v2", "evaluator", "guardrails"})
_PAUSES: Final = frozenset({"wait", "human_in_the_loop"})
_CHECK_BY_MODEL: Final = "hallucination"


def effect_kind(spec: BlockSpec, params: JsonObject) -> EffectKind:
    """Return the effect of a block with these resolved parameters."""
    if spec.type in _PAUSES:
        return EffectKind.PAUSE
    if spec.type == "guardrails" and params.get("validationType") != _CHECK_BY_MODEL:
        return EffectKind.NONE
    effect = spec.effect_with(params)
    if effect is Effect.PURE:
        return EffectKind.NONE
    if effect is Effect.OUTSIDE:
        return EffectKind.WRITE
    return EffectKind.MODEL if spec.type in _MODELS else EffectKind.READ
