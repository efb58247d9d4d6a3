"""Costs of turns by public price lists."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from executor_service.providers.model import NO_COST, Cost, Tokens

_LIST: Final = "genai_prices"
"""Imported on first use: the package is large, and needed only if a call uses this server's own API key."""
_DECIMALS: Final = 8
PRICE_LISTS: Final[Mapping[str, str]] = {"kimi": "moonshotai"}
"""Ids of providers in the price lists, where they differ from ours."""


def cost_of(model: str, provider: str, tokens: Tokens) -> Cost:
    """Return the cost of a turn's tokens in US dollars; zero for an unlisted model."""
    prices = import_module(_LIST)
    used = prices.Usage(
        input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached_input or None
    )
    try:
        found = prices.calc_price(used, model_ref=model, provider_id=PRICE_LISTS.get(provider, provider))
    except LookupError:
        return NO_COST
    return Cost(round(float(found.input_price), _DECIMALS), round(float(found.output_price), _DECIMALS))
