"""Providers with an operator's key."""

from collections.abc import Iterator

from executor_service.providers.azure_openai import AZURE
from executor_service.providers.endpoints import endpoints
from executor_service.providers.settings import ProviderSettings


def keyed_providers(settings: ProviderSettings) -> frozenset[str]:
    """Return the providers that need a key and have one: their blocks need none."""
    return frozenset(_keyed(settings))


def _keyed(settings: ProviderSettings) -> Iterator[str]:
    yield from (name for name, server in endpoints(settings).items() if server.needs_key and server.is_usable)
    if settings.anthropic_api_key.get_secret_value():
        yield "anthropic"
    if settings.gemini_api_key.get_secret_value():
        yield "google"
    if settings.azure_openai_endpoint and settings.azure_openai_api_key.get_secret_value():
        yield from AZURE
