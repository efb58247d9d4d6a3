"""What runs spend."""

from typing import Final

import msgspec

MOST_TOKENS: Final = 10**12
"""More than any run can use. Model servers say what they like, and sums of it have to fit into the store."""


def believable(tokens: int) -> int:
    """As much of a number of tokens that somebody told as can be true."""
    return min(max(tokens, 0), MOST_TOKENS)


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
