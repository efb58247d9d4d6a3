"""What runs spend."""

import msgspec


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run spent on models."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    models: dict[str, dict[str, float]] = {}


class Spend(msgspec.Struct, frozen=True):
    """What a workspace spent on models in a month (`YYYY-MM`, UTC); the latest seconds may be missing."""

    workspace_id: str
    month: str
    usage: Usage
