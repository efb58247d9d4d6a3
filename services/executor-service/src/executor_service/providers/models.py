"""The providers of this server, by the model names that they serve."""

from collections.abc import Mapping

from executor_service.providers import echo
from executor_service.providers.endpoints import endpoints, keyed_providers
from executor_service.providers.model import Listener, ModelFailure, ModelRequest, Provider, Turn
from executor_service.providers.openai_compatible import OpenAICompatible
from executor_service.providers.settings import ProviderSettings
from shared.workflow.model_names import provider_of


class Models:
    """Finds the provider of a model. One per process; `stop` at its end."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._servers = {
            name: OpenAICompatible(
                endpoint,
                connect_seconds=settings.model_connect_seconds,
                timeout_seconds=settings.model_timeout_seconds,
            )
            for name, endpoint in endpoints(settings).items()
        }
        self._providers: Mapping[str, Provider] = {**self._servers, echo.MODEL: echo.EchoProvider()}
        self.keyed = keyed_providers(settings)
        """Providers that need a key and have one: their blocks need none of their own."""

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        """Ask the model for one turn. Raises ModelFailure."""
        provider = self._providers.get(self.provider_of(request.model))
        if provider is None:
            raise ModelFailure(f"Models of {self.provider_of(request.model)} are not available on this server")
        return await provider.turn(request, listener)

    def provider_of(self, model: str) -> str:
        """The provider's name."""
        return echo.MODEL if model == echo.MODEL else provider_of(model)

    async def start(self) -> None:
        """Nothing to do: connections are made when they are needed."""

    async def stop(self) -> None:
        """Close every connection."""
        for server in self._servers.values():
            await server.close()
