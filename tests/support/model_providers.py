"""Every model provider at one address."""

from executor_service.providers import ProviderSettings


def all_served_at(url: str) -> ProviderSettings:
    """Return every provider at one address."""
    return ProviderSettings(
        vllm_base_url=url,
        anthropic_base_url=url,
        anthropic_api_key="key",
        gemini_base_url=url,
        gemini_api_key="key",
    )
