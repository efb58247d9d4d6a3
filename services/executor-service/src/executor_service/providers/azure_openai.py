"""Azure OpenAI: deployments of a resource, `azure/<deployment>`."""

from typing import Final
from urllib.parse import urlsplit

from openai import AsyncAzureOpenAI

from executor_service.providers.endpoints import Endpoint
from executor_service.providers.http import streaming_client
from executor_service.providers.model import ModelFailure, ModelRequest
from executor_service.providers.openai_compatible import OpenAICompatible, key_of
from executor_service.providers.settings import ProviderSettings

AZURE_DOMAINS: Final = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
"""Where a block may send its calls: it names its endpoint itself, and must not reach anything else by that."""


class AzureOpenAI(OpenAICompatible):
    """The endpoint is the server's, or the block's own within Azure."""

    def __init__(self, provider: str, settings: ProviderSettings) -> None:
        endpoint = Endpoint(
            provider,
            settings.azure_openai_endpoint,
            settings.azure_openai_api_key.get_secret_value(),
            max_tokens_field="max_completion_tokens",
        )
        super().__init__(endpoint, connect_seconds=settings.model_connect_seconds)
        self._version = settings.azure_openai_api_version

    def _address(self, request: ModelRequest) -> tuple[str, ...]:
        own = request.credential("azureEndpoint")
        endpoint = _checked(own) if own is not None else self._endpoint.base_url
        if not endpoint:
            raise ModelFailure("No Azure endpoint is configured")
        own_key = self._endpoint.api_key if own is None else ""
        version = request.credential("azureApiVersion") or self._version
        return key_of(request, self._endpoint.provider, own_key), endpoint, version

    def _connected(self, key: str, endpoint: str = "", version: str = "") -> AsyncAzureOpenAI:
        return AsyncAzureOpenAI(
            api_key=key,
            azure_endpoint=endpoint,
            api_version=version,
            max_retries=0,
            http_client=streaming_client(),
        )


def _checked(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(AZURE_DOMAINS):
        raise ModelFailure("The Azure endpoint must be https and a resource of Azure")
    return f"https://{parts.hostname}"
