"""OpenAI-compatible servers by provider name, and the providers that an operator configured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from executor_service.providers.settings import ProviderSettings

NO_KEY_NEEDED: Final = "empty"
"""Sent to servers without keys: the protocol requires one."""
AZURE: Final = ("azure", "azure-openai")
"""Names of the deployments of an Azure resource."""
OWN_SERVERS: Final = ("vllm", "litellm")
"""Providers without keys, which an operator configures by a URL."""
_NEWER_FIELD: Final = "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and its dialect."""

    provider: str
    base_url: str
    api_key: str
    needs_key: bool = True
    max_tokens_field: str = "max_tokens"
    takes_schema: bool = True
    """False if structured answers are requested in the prompt."""

    @property
    def is_usable(self) -> bool:
        """Return whether the server has a URL, and a key if needed."""
        return bool(self.base_url) and (bool(self.api_key) or not self.needs_key)


_VENDORS: Final[Mapping[str, str]] = {
    "openrouter": "https://openrouter.ai/api/v1",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "xai": "https://api.x.ai/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "together": "https://api.together.ai/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "baseten": "https://inference.baseten.co/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "kimi": "https://api.moonshot.ai/v1",
    "zai": "https://api.z.ai/api/paas/v4",
}


def endpoints(settings: ProviderSettings) -> Mapping[str, Endpoint]:
    """Return every OpenAI-compatible server, by provider name."""
    azure_key = settings.azure_openai_api_key.get_secret_value()
    servers = [
        Endpoint(
            "vllm",
            with_version(settings.vllm_base_url),
            settings.vllm_api_key.get_secret_value() or NO_KEY_NEEDED,
            needs_key=False,
            max_tokens_field=_NEWER_FIELD,
        ),
        Endpoint(
            "litellm",
            with_version(settings.litellm_base_url),
            settings.litellm_api_key.get_secret_value() or NO_KEY_NEEDED,
            needs_key=False,
        ),
        Endpoint("ollama", with_version(settings.ollama_url), NO_KEY_NEEDED, needs_key=False, takes_schema=False),
        Endpoint(
            "openai",
            settings.openai_base_url,
            settings.openai_api_key.get_secret_value(),
            max_tokens_field=_NEWER_FIELD,
        ),
        *(Endpoint(name, settings.azure_openai_endpoint, azure_key, max_tokens_field=_NEWER_FIELD) for name in AZURE),
        *(
            Endpoint(vendor, url, getattr(settings, f"{vendor}_api_key").get_secret_value())
            for vendor, url in _VENDORS.items()
        ),
    ]
    return {server.provider: server for server in servers}


def with_version(base_url: str) -> str:
    """Return a server's API URL, adding the version if missing."""
    base = base_url.rstrip("/")
    return base if not base or base.endswith("/v1") else f"{base}/v1"


def bare_model(model: str, provider: str) -> str:
    """Return the server's name for the model: the provider's prefix is ours."""
    return model.removeprefix(f"{provider}/")


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
