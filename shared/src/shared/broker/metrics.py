"""Metrics of the broker client. RabbitMQ exports queue depths and rates itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def time_publish(queue: str) -> Iterator[None]:
    """Time the publish to `queue` inside the block, and count it if it fails."""
    began = time.perf_counter()
    try:
        yield
    except FlowportError as error:
        PUBLISH_FAILURES.labels(queue, error.code).inc()
        raise
    _publish_seconds(queue).observe(time.perf_counter() - began)
