"""What an operator opens to the services that call what people name."""

from pydantic import Field, field_validator

from shared.net.policy import OutboundPolicy
from shared.settings import CommaList, CommonSettings


class OutboundSettings(CommonSettings):
    """Settings of a service whose calls leave the system."""

    outbound_allow: CommaList = Field(
        (),
        description="What workflows and webhooks may call although it is not on the open internet: networks"
        " (10.0.0.0/8), addresses, host names, localhost; comma-separated. Also over plain http. A cloud's metadata"
        " address is opened only by itself, never by a network around it. Blocked ports stay blocked.",
    )

    @field_validator("outbound_allow")
    @classmethod
    def _allowed_can_be_read(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        OutboundPolicy(allow)
        return allow
