"""Where the model providers are and their keys. The names are Sim's and the vendors' own, without a prefix."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from executor_service.providers.bounds import ANSWER_BYTES, MEBIBYTE

NO_KEY = SecretStr("")


class ProviderSettings(BaseSettings):
    """An operator's own model servers are trusted; URLs that a workflow names are not."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, populate_by_name=True)

    vllm_base_url: str = Field("", description="vLLM or any OpenAI-compatible server, for models vllm/….")
    vllm_api_key: SecretStr = Field(NO_KEY, description="Its key.")
    litellm_base_url: str = Field("", description="A LiteLLM proxy, for models litellm/….")
    litellm_api_key: SecretStr = Field(NO_KEY, description="Its key.")
    ollama_url: str = Field("http://localhost:11434", description="Ollama, for models that no other provider knows.")
    openai_base_url: str = Field("https://api.openai.com/v1", description="The OpenAI API.")
    openai_api_key: SecretStr = Field(NO_KEY, description="Key for gpt* and o* models.")
    anthropic_base_url: str = Field("", description="Another address of the Anthropic API.")
    anthropic_api_key: SecretStr = Field(NO_KEY, description="Key for claude* models.")
    gemini_api_key: SecretStr = Field(NO_KEY, description="Key for gemini* models.")
    gemini_base_url: str = Field("", description="Another address of the Gemini API.")
    azure_openai_endpoint: str = Field("", description="Azure OpenAI resource, for models azure/….")
    azure_openai_api_key: SecretStr = Field(NO_KEY, description="Its key.")
    azure_openai_api_version: str = Field("2024-10-21", description="Its API version.")
    openrouter_api_key: SecretStr = Field(NO_KEY, description="Key for openrouter/… models.")
    groq_api_key: SecretStr = Field(NO_KEY, description="Key for groq/… models.")
    mistral_api_key: SecretStr = Field(NO_KEY, description="Key for Mistral models.")
    deepseek_api_key: SecretStr = Field(NO_KEY, description="Key for DeepSeek models.")
    xai_api_key: SecretStr = Field(NO_KEY, description="Key for Grok models.")
    cerebras_api_key: SecretStr = Field(NO_KEY, description="Key for cerebras/… models.")
    together_api_key: SecretStr = Field(NO_KEY, description="Key for together/… models.")
    fireworks_api_key: SecretStr = Field(NO_KEY, description="Key for fireworks/… models.")
    baseten_api_key: SecretStr = Field(NO_KEY, description="Key for baseten/… models.")
    nvidia_api_key: SecretStr = Field(NO_KEY, description="Key for nvidia/… models.")
    kimi_api_key: SecretStr = Field(NO_KEY, description="Key for Kimi models.")
    zai_api_key: SecretStr = Field(NO_KEY, description="Key for GLM models.")
    model_timeout_seconds: float = Field(
        600.0,
        gt=0,
        le=7200,
        description="Limit of one turn of a model with all its tries, or of a silence in one that is streamed.",
    )
    model_answer_bytes: int = Field(
        ANSWER_BYTES,
        ge=MEBIBYTE,
        description="Limit on what an executor stores of one model answer. A streamed one may have four times as many.",
    )
    model_connect_seconds: float = Field(10.0, gt=0, le=300, description="Limit of connecting to a model server.")
