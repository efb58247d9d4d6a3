"""Map model names to providers."""

import re
from typing import Final

from shared.workflow.format.suggestions import nearest

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
FALLBACK: Final = "ollama"
"""Provider of all names that match no other provider."""
PREFIXES: Final = tuple(sorted(_PREFIXED | {"ollama"}))
"""Prefixes of model names, before a slash."""
FAMILIES: Final = ("gpt", "claude", "gemini", "deepseek", "grok", "mistral", "magistral", "codestral", "kimi")
"""First words of well-known model names."""
PROVIDERS: Final = _PREFIXED | {provider for _, provider in _PATTERNS} | {"ollama"}
"""All providers that a name may map to."""
NOT_CALLED: Final = frozenset({"azure-anthropic", "bedrock", "meta", "ollama-cloud", "sakana", "vertex"})
"""Providers that Sim calls and Flowport does not."""
_KEYLESS: Final = frozenset({"vllm", "litellm", "ollama", "bedrock", "vertex"})
_KEY_NAMES: Final = {"google": "GEMINI_API_KEY", **dict.fromkeys(("azure", "azure-openai"), "AZURE_OPENAI_API_KEY")}
_CATALOG_OF_OLLAMA: Final = re.compile(r"[^/]+:[^/]*")
"""Ollama names local models `name:tag`, regardless of their maker."""
_UNHYPHENED: Final = re.compile(r"(gpt|claude|gemini|deepseek|grok)(\d(?:\.\d)?(?:o|-[\w.-]{1,40})?)")
_MAKERS: Final = frozenset({"openai", "anthropic", "google"})
"""Prefixes in other systems, none of which is a model of Ollama."""
_LETTERS: Final = re.compile(r"[a-z]+")
_LEAST_LETTERS: Final = 4
_CLOSE: Final = 0.85
"""Least similarity of a misspelled word."""
_OTHER_FAMILIES: Final = frozenset({"mixtral"})
"""First words of models of Ollama that are similar to a well-known one."""
_OPEN_WEIGHTS: Final = re.compile(r"gpt-oss")
"""Models of a maker that local servers have, with the maker's name as a prefix."""


def provider_of(model: str) -> str:
    """Return the provider id. Unknown names are local models of `ollama`."""
    name = model.strip().lower()
    prefix, slash, _ = name.partition("/")
    if slash and prefix in _PREFIXED:
        return prefix
    if slash or _CATALOG_OF_OLLAMA.fullmatch(name):
        return "ollama"
    return next((provider for pattern, provider in _PATTERNS if pattern.match(name)), "ollama")


def needs_key(model: str) -> bool:
    """Return whether this model's provider refuses calls without an API key."""
    return provider_of(model) not in _KEYLESS


def key_name(model: str) -> str:
    """Return the name of the server's setting with the key of a model's provider."""
    provider = provider_of(model)
    return _KEY_NAMES.get(provider, f"{provider.upper()}_API_KEY")


def is_named(model: str) -> bool:
    """Return whether a model's name says its provider or has Ollama's form, rather than falling back to Ollama."""
    return provider_of(model) != FALLBACK or model.lower().startswith("ollama/") or ":" in model


def suggested_model(model: str) -> str | None:
    """Return the model that is meant; None if the name is plausible. Any name may be a local model of Ollama."""
    name = model.lower()
    if " " in name and "/" not in name and provider_of(spelled := "-".join(name.split())) != FALLBACK:
        return spelled
    maker, colon, rest = name.partition(":")
    if colon and maker in _MAKERS and provider_of(rest) == maker:
        return rest  # models of this provider have no prefix
    if match := _UNHYPHENED.fullmatch(name):
        return f"{match[1]}-{match[2]}"
    if provider_of(name) != FALLBACK or ":" in name:
        return None
    return _with_known_prefix(name) if "/" in name else _of_known_family(model)


def _with_known_prefix(name: str) -> str | None:
    """Return the model that a name with a prefix means; None if a local server may have the name.

    Such a server also names models of makers, such as `mistralai/…`, and of the users of Ollama.
    """
    prefix, _, rest = name.partition("/")
    provider = provider_of(rest)
    if provider in _MAKERS and nearest(prefix, [provider]) and not _OPEN_WEIGHTS.match(rest):
        return rest  # models of this provider have no prefix
    near = nearest(prefix, PREFIXES, least=_CLOSE)
    return f"{near}/{rest}" if near and not prefix.startswith(near) else None


def _of_known_family(model: str) -> str | None:
    """Return the name with the family's name for a misspelled first word; other words may be a local model's name."""
    match = _LETTERS.match(model.lower())
    if match is None or match[0] in _OTHER_FAMILIES or not any(map(str.isdigit, model)):
        return None
    word = match[0]
    near = next((each for each in FAMILIES if sorted(each) == sorted(word)), None)
    if near is None and len(word) >= _LEAST_LETTERS:
        near = nearest(word, FAMILIES, least=_CLOSE)
    return near + model[len(word) :] if near and near != word else None
