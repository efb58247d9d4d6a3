"""shared/workflow/catalog/models.json, from the price list and the providers of executor-service."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import msgspec
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TimeOfDateConstraint

from executor_service.providers import echo
from executor_service.providers.endpoints import AZURE, endpoints
from executor_service.providers.prices import PRICE_LISTS
from executor_service.providers.settings import ProviderSettings
from shared.workflow.catalog.models import CATALOG_FILE, AnnouncedPrice, Model, ModelProvider, Price
from shared.workflow.format.model_names import FALLBACK, PREFIXES, provider_of

PRICES_AS_OF: Final = date(2026, 11, 29)
"""Later prices are listed with their day. Set this with each update of the price list: the file must not depend on the
day on which it is checked."""
CHAT: Final = ("temperature", "maxTokens")
EFFORT: Final = (*CHAT, "reasoningEffort")
ALL: Final = (*EFFORT, "verbosity")
SETTINGS: Final[dict[str, tuple[str, ...]]] = {
    "openai": ALL,
    "anthropic": (*CHAT, "thinkingLevel"),
    "google": CHAT,
    "azure": (*ALL, "azureEndpoint", "azureApiVersion"),
    "vllm": ALL,
    "litellm": ALL,
}
"""What the client of each provider sends; the others send `EFFORT`."""
REASONS: Final = re.compile(r"o\d|gpt-(?:[5-9]|\d\d)")
"""OpenAI models that refuse a temperature."""
WITHOUT_VERBOSITY: Final = re.compile(r"o\d")

LABELS: Final = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "google": "Google Gemini",
    "mistral": "Mistral",
    "deepseek": "DeepSeek",
    "xai": "xAI",
    "kimi": "Kimi",
    "zai": "Z.ai",
    "groq": "Groq",
    "cerebras": "Cerebras",
    "together": "Together",
    "fireworks": "Fireworks",
    "baseten": "Baseten",
    "openrouter": "OpenRouter",
    "nvidia": "NVIDIA",
    "azure": "Azure OpenAI",
    "vllm": "vLLM",
    "litellm": "LiteLLM",
    "ollama": "Ollama",
}
"""All providers, in the order of the list."""
VARIABLES: Final = {
    "google": ("GEMINI_API_KEY",),
    "azure": ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"),
    "vllm": ("VLLM_BASE_URL",),
    "litellm": ("LITELLM_BASE_URL",),
    "ollama": ("OLLAMA_URL",),
}
"""Others are configured by a key alone."""
NAME_PREFIXES: Final = {"fireworks": "accounts/fireworks/models/"}
"""Start of the names that a provider's API takes and the price list leaves out."""

_NOT_CALLED: Final = {
    # The chat completions API does not serve these, or no longer.
    "openai": r"gpt-3|gpt-4-|gpt-4$|gpt-5\.3$|gpt-oss|o1-(?:mini|preview)|.*-pro$|.*codex|.*research|.*search",
    "anthropic": r"claude-(?:v?[12]|3|instant)",
    "google": r"gemini-(?:1|pro|flash-1)",
    "deepseek": r"deepseek-v3",
    "mistral": r"codestral$",
    "xai": r"grok-[23]",
    "openrouter": r"~|.*:(?:batch|free|extended)$",
}
_EXCLUDED: Final = {name: re.compile(pattern) for name, pattern in _NOT_CALLED.items()}
_NO_CHAT: Final = re.compile(
    r"audio|realtime|transcri|image|tts|live|voice|embed|guard|moderation|ocr|vision|computer-use"
)


def models_file() -> str:
    """Return the file: a line for each model."""
    comment = f"Generated from the price list, as of {PRICES_AS_OF}; `make docs` writes {CATALOG_FILE}."
    rows = ",\n".join(map(_provider_json, providers()))
    return f'{{"$comment":"{comment}","providers":[\n{rows}\n]}}\n'


def providers() -> Iterator[ModelProvider]:
    """Return the providers that Flowport calls, with their models."""
    yield ModelProvider(
        id=echo.MODEL, label="Demo", needs_key=False, variables=(), settings=(), models=(Model(echo.MODEL, "Echo"),)
    )
    servers = endpoints(ProviderSettings())
    for name, label in LABELS.items():
        server = servers.get(name)
        yield ModelProvider(
            id=name,
            label=label,
            prefix=f"{name}/" if name in PREFIXES else "",
            needs_key=server is None or server.needs_key,
            variables=VARIABLES.get(name, (f"{name.upper()}_API_KEY",)),
            settings=SETTINGS.get(name, EFFORT),
            models=tuple(sorted(_models(name), key=lambda model: (-_version(model.label), model.label.lower()))),
        )


def _models(provider: str) -> Iterator[Model]:
    if provider in (*AZURE, FALLBACK):
        return
    try:
        listed = get_snapshot().find_provider(None, PRICE_LISTS.get(provider, provider), None)
    except LookupError:
        return
    excluded = _EXCLUDED.get(provider)
    for found in listed.models:
        price, name = _base(_price(found)), _name(provider, found.id)
        if found.deprecated or price is None or name is None:
            continue
        if found.context_window is None or _NO_CHAT.search(found.id) or (excluded and excluded.match(found.id)):
            continue
        label = re.sub("^gpt[ -]", "GPT-", found.name or found.id)
        yield Model(name, label, found.context_window, price, _settings(provider, found.id), tuple(_announced(found)))


def _version(label: str) -> float:
    """Return the version in a label, by which newer models come first; other numbers are dates and sizes."""
    numbers = (float(found) for found in re.findall(r"(?<![\d.])\d(?:\.\d+)?(?![\d.]*[\dbBkK])", label))
    return next(numbers, 0.0)


def _name(provider: str, listed: str) -> str | None:
    """Return the name for workflows; None if none maps to the provider."""
    bare = listed.lower() if provider == "zai" else NAME_PREFIXES.get(provider, "") + listed
    names = (bare, f"{provider}/{bare}")
    return next((name for name in names if provider_of(name) == provider), None)


def _settings(provider: str, model: str) -> tuple[str, ...] | None:
    if provider != "openai":
        return None
    if not REASONS.match(model):
        return CHAT
    refused = {"temperature", "verbosity"} if WITHOUT_VERBOSITY.match(model) else {"temperature"}
    return tuple(setting for setting in ALL if setting not in refused)


def _price(model: ModelInfo) -> ModelPrice:
    """Return the price on PRICES_AS_OF; the highest one, where it depends on the hour."""
    if isinstance(model.prices, ModelPrice):
        return model.prices
    hourly = [each.prices for each in model.prices if isinstance(each.constraint, TimeOfDateConstraint)]
    valid = [each.prices for each in model.prices if _is_valid(each.constraint)]
    return max((*valid[-1:], *hourly), key=lambda price: _first(price.input_mtok) or 0.0)


def _is_valid(constraint: StartDateConstraint | TimeOfDateConstraint | None) -> bool:
    if isinstance(constraint, StartDateConstraint):
        return constraint.start_date <= PRICES_AS_OF
    return constraint is None


def _announced(model: ModelInfo) -> Iterator[AnnouncedPrice]:
    """Return prices that start after PRICES_AS_OF."""
    for each in model.prices if isinstance(model.prices, list) else ():
        price = _base(each.prices)
        if isinstance(each.constraint, StartDateConstraint) and not _is_valid(each.constraint) and price is not None:
            yield AnnouncedPrice(each.constraint.start_date, price)


def _base(price: ModelPrice) -> Price | None:
    """Return the price of the first tokens, where more tokens cost more; None if it lacks one."""
    input_price, output_price = _first(price.input_mtok), _first(price.output_mtok)
    return None if input_price is None or output_price is None else Price(input_price, output_price)


def _first(price: Any) -> float | None:
    base = getattr(price, "base", price)
    return None if base is None else float(base)


def _provider_json(provider: ModelProvider) -> str:
    head = msgspec.json.encode(msgspec.structs.replace(provider, models=())).decode()
    rows = ",\n".join(msgspec.json.encode(model).decode() for model in provider.models)
    return head.removesuffix("[]}") + (f"[\n{rows}\n]}}" if rows else "[]}")
