"""Settings of outbound calls."""

from pydantic import Field, field_validator

from shared.net.policy import OutboundPolicy
from shared.settings import CommaList, CommonSettings


class OutboundSettings(CommonSettings):
    """Settings of a service that calls external hosts."""

    outbound_allow: CommaList = Field(
        (),
        description="Private destinations that workflows and webhooks may call, also over plain http: networks"
        " (10.0.0.0/8), addresses, host names, localhost; comma-separated. A cloud's metadata address is allowed only"
        " if listed itself, never by a network around it. Blocked ports stay blocked. In executor-service, they apply"
        " to file URLs of callers, too: anyone who can call a workflow with a file[] input, without a key if it is"
        " public, can make it send a GET request there; the workflow receives the response.",
    )

    @field_validator("outbound_allow")
    @classmethod
    def _allowed_can_be_read(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        OutboundPolicy(allow)
        return allow
