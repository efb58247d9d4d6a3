"""This server's providers, by the models that they serve."""

import asyncio
from dataclasses import replace
from importlib import import_module
from typing import Final

from executor_service.providers import echo
from executor_service.providers.endpoints import bare_model, endpoints, keyed_providers
from executor_service.providers.model import (
    AnswerTooLarge,
    Listener,
    ModelFailure,
    ModelRequest,
    Provider,
    ServerUnreachable,
    Turn,
)
from executor_service.providers.prices import cost_of
from executor_service.providers.retries import request_with_retries
from executor_service.providers.settings import ProviderSettings
from shared.net import OutboundClient
from shared.workflow.format.model_names import FALLBACK, is_named, provider_of, suggested_model
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.unsupported_settings import not_called

BY_SDK: Final = {
    "anthropic": ("executor_service.providers.anthropic_messages", "AnthropicProvider"),
    "google": ("executor_service.providers.google_gemini", "GeminiProvider"),
}
OPENAI: Final = "executor_service.providers.openai_compatible"
"""The vendors' libraries are large, and loaded on first use."""


class Models:
    """Finds the provider of a model. One per process; call `stop` at its end."""

    def __init__(self, settings: ProviderSettings, outbound: OutboundClient | None = None) -> None:
        """`outbound` is the network for servers that blocks name; without it, only the public internet."""
        self._settings = settings
        self._outbound = outbound or OutboundClient()
        self._endpoints = endpoints(settings)
        self._providers: dict[str, Provider] = {echo.MODEL: echo.EchoProvider(settings.flowport_demo_words_per_second)}
        self.keyed_providers = keyed_providers(settings)
        """Providers that need a key and have one: their blocks need none."""

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        """Request one turn from the model. Raises ModelFailure."""
        name = self.provider_of(request.model)
        provider = self._providers.get(name) or await self._open(name)
        seconds = min(request.timeout_seconds, self._settings.model_timeout_seconds)
        try:
            turn = await request_with_retries(provider, request, listener, seconds)
        except AnswerTooLarge as failure:
            raise AnswerTooLarge(f"{request.model}: {failure.message}") from failure
        except ServerUnreachable as failure:
            if name == FALLBACK and not is_named(request.model):
                raise ServerUnreachable(self._unknown_model(request.model)) from failure
            raise
        if name in self.keyed_providers and request.credential("apiKey") is None:
            return replace(turn, cost=cost_of(bare_model(request.model, name), name, turn.tokens))
        return turn

    def provider_of(self, model: str) -> str:
        """Return the provider's name."""
        return echo.MODEL if model == echo.MODEL else provider_of(model)

    def _unknown_model(self, model: str) -> str:
        """Return the message for a model without a known provider, when Ollama does not respond either."""
        own = [server.provider for server in self._endpoints.values() if server.is_usable and not server.needs_key]
        configured = sorted({*own, *self.keyed_providers} - {FALLBACK}) or ["none"]
        return (
            f'No provider is known for the model "{model}", and no Ollama server answers at '
            f"{self._settings.ollama_url}. Configured providers: {', '.join(configured)}."
            f"{did_you_mean(suggested_model(model))}"
        )

    async def start(self) -> None:
        """Do nothing: connections open on demand."""

    async def stop(self) -> None:
        """Close all connections."""
        for provider in self._providers.values():
            await provider.stop()

    async def _open(self, name: str) -> Provider:
        endpoint = self._endpoints.get(name)
        if endpoint is None and name not in BY_SDK:
            raise ModelFailure(not_called(name))
        module, kind = BY_SDK.get(name, (OPENAI, "OpenAICompatible"))
        library = await asyncio.to_thread(import_module, module)  # takes up to a second
        if name not in self._providers:
            arguments = (self._settings,) if endpoint is None else (endpoint, self._settings, self._outbound)
            self._providers[name] = getattr(library, kind)(*arguments)
        return self._providers[name]
