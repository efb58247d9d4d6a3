"""Outbound calls of workflows: only to the public internet, and to targets that the operator allows."""

from shared.net.client import OutboundClient
from shared.net.errors import (
    BlockedAddress,
    OutboundError,
    OutboundFailed,
    OutboundTimeout,
    ResponseTooLarge,
)
from shared.net.messages import OutboundLimits, OutboundRequest, OutboundResponse
from shared.net.policy import OutboundPolicy
from shared.net.resolver import Resolver, SystemResolver

__all__ = [
    "BlockedAddress",
    "OutboundClient",
    "OutboundError",
    "OutboundFailed",
    "OutboundLimits",
    "OutboundPolicy",
    "OutboundRequest",
    "OutboundResponse",
    "OutboundTimeout",
    "Resolver",
    "ResponseTooLarge",
    "SystemResolver",
]
