"""Metrics of every service. Names follow Prometheus: base units, `_total`, bounded labels, never a run id."""

from prometheus_client import Counter, Gauge, Histogram

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
