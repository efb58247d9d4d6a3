"""Error codes that the gateway's metrics count from the start."""

from gateway import metrics
from gateway.runs.domain.errors import (
    IdentityUnavailable,
    NotStarted,
    RunLost,
    RunOverdue,
    ServerStopping,
    StreamBroken,
)
from shared.broker.ports import BrokerDisconnected, BrokerUnavailable, QueueFull
from shared.errors import AtCapacity, OutcomeUncertain, RouteMissing, Unavailable


def expose_error_codes() -> None:
    """Start the metric series of these errors at 0."""
    metrics.expose_error_codes(
        error.code
        for error in (
            AtCapacity,
            BrokerDisconnected,
            BrokerUnavailable,
            IdentityUnavailable,
            NotStarted,
            OutcomeUncertain,
            QueueFull,
            RouteMissing,
            RunLost,
            RunOverdue,
            ServerStopping,
            StreamBroken,
            Unavailable,
        )
    )
