"""Metrics of the broker client. RabbitMQ exports queue depths and rates itself."""

import time
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from shared.errors import FlowportError

CONNECTIONS_LOST = Counter("flowport_broker_connections_lost_total", "Lost broker connections.", ["connection"])
USABLE = Gauge("flowport_broker_usable", "1 while the broker is connected and accepts messages.", ["connection"])
PUBLISH_SECONDS = Histogram(
    "flowport_broker_publish_seconds",
    "Time until the broker confirmed a message, by queue.",
    ["queue"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PUBLISH_FAILURES = Counter(
    "flowport_broker_publish_failures_total",
    "Failed publishes, by queue and error code.",
    ["queue", "code"],
)
BUNDLE_MESSAGES = Histogram(
    "flowport_broker_bundle_messages",
    "Runs or replies published as one message, by queue.",
    ["queue"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
UNREADABLE = Counter("flowport_broker_unreadable_total", "Messages that could not be decoded.", ["queue"])


_publish_seconds = cache(PUBLISH_SECONDS.labels)
bundle_messages = cache(BUNDLE_MESSAGES.labels)


class PublishTimer:
    """Context that times the publish to `queue` inside the block, and counts it if it fails."""

    __slots__ = ("_began", "_queue")

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._began = time.perf_counter()

    def __enter__(self) -> None:
        """Begin nothing: the time begins before."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Record the time of a confirmed publish, or the failure."""
        if error is None:
            _publish_seconds(self._queue).observe(time.perf_counter() - self._began)
        elif isinstance(error, FlowportError):
            PUBLISH_FAILURES.labels(self._queue, error.code).inc()
