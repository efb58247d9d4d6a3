"""Map model names to providers."""

import re
from typing import Final

_PREFIXED: Final = frozenset(
    {
        "vllm",
        "litellm",
        "ollama-cloud",
        "openrouter",
        "together",
        "fireworks",
        "baseten",
        "bedrock",
        "vertex",
        "azure",
        "azure-openai",
        "azure-anthropic",
        "groq",
        "cerebras",
        "nvidia",
        "deepseek",
        "mistral",
        "xai",
        "meta",
        "kimi",
        "zai",
        "sakana",
    }
)
_PATTERNS: Final = (
    (re.compile(r"gpt|o\d"), "openai"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gemini"), "google"),
    (re.compile(r"deepseek"), "deepseek"),
    (re.compile(r"grok"), "xai"),
    (re.compile(r"(?:mistral|magistral|ministral|codestral|devstral)-"), "mistral"),
    (re.compile(r"kimi"), "kimi"),
    (re.compile(r"glm-"), "zai"),
)
PROVIDERS: Final = _PREFIXED | {provider for _, provider in _PATTERNS} | {"ollama"}
"""All providers that a name may map to."""
NOT_CALLED: Final = frozenset({"azure-anthropic", "bedrock", "meta", "ollama-cloud", "sakana", "vertex"})
"""Providers that Sim calls and Flowport does not."""
_KEYLESS: Final = frozenset({"vllm", "litellm", "ollama", "bedrock", "vertex"})
_CATALOGUE_OF_OLLAMA: Final = re.compile(r"[^/]+:[^/]*")
"""Ollama names local models `name:tag`, whoever made them."""


def provider_of(model: str) -> str:
    """Return the provider id. Unknown names are local models of `ollama`."""
    name = model.strip().lower()
    prefix, slash, _ = name.partition("/")
    if slash and prefix in _PREFIXED:
        return prefix
    if slash or _CATALOGUE_OF_OLLAMA.fullmatch(name):
        return "ollama"
    return next((provider for pattern, provider in _PATTERNS if pattern.match(name)), "ollama")


def needs_key(model: str) -> bool:
    """Return whether this model's provider refuses calls without an API key."""
    return provider_of(model) not in _KEYLESS
