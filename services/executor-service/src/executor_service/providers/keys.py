"""Providers that an operator configured."""

from collections.abc import Iterator
from typing import Final

from executor_service.providers.azure_openai import AZURE
from executor_service.providers.endpoints import endpoints
from executor_service.providers.settings import ProviderSettings

OWN_SERVERS: Final = ("vllm", "litellm")
"""Providers without keys, which an operator configures by a URL."""


def keyed_providers(settings: ProviderSettings) -> frozenset[str]:
    """Return the providers that need a key and have one: their blocks need none."""
    return frozenset(_keyed(settings))


def configured_providers(settings: ProviderSettings) -> frozenset[str]:
    """Return the providers that the operator configured: those with a key, and servers with a URL of the operator."""
    own = {name for name in OWN_SERVERS if endpoints(settings)[name].is_usable}
    return keyed_providers(settings) | own


def _keyed(settings: ProviderSettings) -> Iterator[str]:
    yield from (name for name, server in endpoints(settings).items() if server.needs_key and server.is_usable)
    if settings.anthropic_api_key.get_secret_value():
        yield "anthropic"
    if settings.gemini_api_key.get_secret_value():
        yield "google"
    if settings.azure_openai_endpoint and settings.azure_openai_api_key.get_secret_value():
        yield from AZURE
