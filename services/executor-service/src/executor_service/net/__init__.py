"""The way out of the system for what workflows call: only the open internet, and what the operator opens."""

from executor_service.net.client import OutboundClient
from executor_service.net.errors import (
    BlockedAddress,
    OutboundError,
    OutboundFailed,
    OutboundTimeout,
    ResponseTooLarge,
)
from executor_service.net.fetcher import SandboxFetcher
from executor_service.net.messages import OutboundLimits, OutboundRequest, OutboundResponse
from executor_service.net.policy import OutboundPolicy
from executor_service.net.resolver import Resolver, SystemResolver

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
    "SandboxFetcher",
    "SystemResolver",
]
