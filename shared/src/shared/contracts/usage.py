"""Model usage of runs."""

from typing import Final

import msgspec

MOST_TOKENS: Final = 10**12
"""More than any run can use. Model servers may report any number, and sums must fit into the store."""


def plausible_tokens(tokens: int) -> int:
    """Return a reported number of tokens, limited to a plausible value."""
    return min(max(tokens, 0), MOST_TOKENS)


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Model usage of a run."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    models: dict[str, dict[str, float]] = {}


class Spend(msgspec.Struct, frozen=True):
    """Model spend of a workspace in a month (`YYYY-MM`, UTC); the latest seconds may be missing."""

    workspace_id: str
    month: str
    usage: Usage
