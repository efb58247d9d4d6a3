"""URLs and keys of the model providers. Variables have the names that Sim and the vendors use, unprefixed."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from executor_service.providers.http import ANSWER_BYTES, MEBIBYTE

NO_KEY = SecretStr("")


class ProviderSettings(BaseSettings):
    """Model providers. Their configured URLs are trusted; URLs in workflows are not."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True, populate_by_name=True)

    flowport_demo_words_per_second: float = Field(
        15, ge=0, le=1000, description="Pace at which the demo model `echo` streams; 0 streams at once."
    )
    vllm_base_url: str = Field("", description="vLLM or any OpenAI-compatible server, for models vllm/….")
    vllm_api_key: SecretStr = Field(NO_KEY, description="Its key.")
    litellm_base_url: str = Field("", description="A LiteLLM proxy, for models litellm/….")
    litellm_api_key: SecretStr = Field(NO_KEY, description="Its key.")
    ollama_url: str = Field("http://localhost:11434", description="Ollama, for models of no other provider.")
    openai_base_url: str = Field("https://api.openai.com/v1", description="The OpenAI API.")
    openai_api_key: SecretStr = Field(NO_KEY, description="Key for gpt* and o* models.")
    anthropic_base_url: str = Field("", description="Alternative URL of the Anthropic API.")
    anthropic_api_key: SecretStr = Field(NO_KEY, description="Key for claude* models.")
    gemini_api_key: SecretStr = Field(NO_KEY, description="Key for gemini* models.")
    gemini_base_url: str = Field("", description="Alternative URL of the Gemini API.")
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
        description="Timeout of one model turn with its retries, or of a pause in a streamed turn.",
    )
    model_answer_bytes: int = Field(
        ANSWER_BYTES,
        ge=MEBIBYTE,
        description="Largest stored model answer, in bytes; a streamed one may have four times as many on the wire.",
    )
    model_connect_seconds: float = Field(10.0, gt=0, le=300, description="Timeout of connecting to model servers.")
