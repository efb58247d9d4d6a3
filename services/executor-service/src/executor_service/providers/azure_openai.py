"""Azure OpenAI: deployments of a resource, `azure/<deployment>`."""

from typing import ClassVar, Final
from urllib.parse import quote, urlencode, urlsplit

from executor_service.providers.endpoints import Endpoint
from executor_service.providers.model import ModelFailure, ModelRequest
from executor_service.providers.openai_compatible import (
    COMPLETIONS,
    OpenAICompatible,
    RequestTarget,
    bare_model,
    key_of,
)
from executor_service.providers.settings import ProviderSettings

AZURE: Final = ("azure", "azure-openai")
"""Names of this provider."""
AZURE_DOMAINS: Final = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
"""Allowed domains: a block names its endpoint, and must not reach anything else that way."""


class AzureOpenAI(OpenAICompatible):
    """Uses the server's endpoint, or the block's own within Azure."""

    follows_redirects: ClassVar[bool] = False
    """A redirect would send the key's header to another server, unlike a bearer token."""

    def __init__(self, provider: str, settings: ProviderSettings) -> None:
        endpoint = Endpoint(
            provider,
            settings.azure_openai_endpoint,
            settings.azure_openai_api_key.get_secret_value(),
            max_tokens_field="max_completion_tokens",
        )
        super().__init__(
            endpoint, connect_seconds=settings.model_connect_seconds, answer_bytes=settings.model_answer_bytes
        )
        self._version = settings.azure_openai_api_version

    def _target(self, request: ModelRequest) -> RequestTarget:
        own = request.credential("azureEndpoint")
        endpoint = _check_endpoint(own) if own is not None else self._endpoint.base_url
        if not endpoint:
            raise ModelFailure(
                "No Azure endpoint is configured. Set AZURE_OPENAI_ENDPOINT or the block's azureEndpoint."
            )
        key = key_of(request, self._endpoint.provider, self._endpoint.api_key if own is None else "")
        version = request.credential("azureApiVersion") or self._version
        deployment = quote(bare_model(request.model, self._endpoint.provider), safe="")
        path = f"/openai/deployments/{deployment}{COMPLETIONS}?{urlencode({'api-version': version})}"
        return RequestTarget(endpoint.rstrip("/") + path, {"api-key": key})


def _check_endpoint(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(AZURE_DOMAINS):
        raise ModelFailure("The Azure endpoint must be an https URL of an Azure OpenAI resource")
    return f"https://{parts.hostname}"
