"""Settings of deploy-service."""

from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.security.aes_gcm import AesGcmKeyRing
from shared.settings import CommaList, TicketCheckSettings


class DeploySettings(TicketCheckSettings):
    """Size limits, and the keys that encrypt secrets."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    deploy_port: int = Field(8081, ge=1, le=65535, description="Port of deploy-service.")
    workflow_limit_bytes: int = Field(
        20 * 2**20, ge=1_024, le=200 * 2**20, description="Largest workflow state, in bytes of JSON."
    )
    environment_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that encrypt environment values, as id:base64 of 32 bytes, comma-separated; the first"
        " encrypts, all decrypt. To rotate: roll out old,new; then new,old (each start re-encrypts the old key's"
        " values); restart once; then new alone. Empty: environment values are refused.",
    )
    keyed_providers: CommaList = Field(
        (),
        description="Model providers with an API key in executor-service: their blocks deploy without one. Also vllm"
        " and litellm if they have a URL there: the list of models in the console shows these providers as configured.",
    )

    @model_validator(mode="after")
    def _keys_can_be_read(self) -> Self:
        AesGcmKeyRing.parse(self.environment_keys.get_secret_value())
        return self
