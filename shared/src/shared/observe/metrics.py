"""Metrics of every service. Names follow Prometheus: base units, `_total`, bounded labels, never a run id."""

from bisect import bisect_left

import prometheus_client
from prometheus_client import Gauge


class Counter(prometheus_client.Counter):
    """Counter whose increments skip the checks for labels and for an exemplar, half of their cost."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add `amount`, which must not be negative."""
        self._value.inc(amount)


class Histogram(prometheus_client.Histogram):
    """Histogram that finds the bucket by binary search, without the checks for labels and for an exemplar."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count `amount` in its bucket."""
        self._sum.inc(amount)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)


BUILD_INFO = Gauge("flowport_build_info", "Always 1; the labels name the build.", ["service", "version"])
TASKS = Gauge("flowport_tasks", "Pending asyncio tasks: calls, runs and background work.")

HTTP_REQUESTS = Counter(
    "flowport_http_requests_total", "HTTP requests answered.", ["service", "method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "flowport_http_request_duration_seconds",
    "Time to the last byte of a response.",
    ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
