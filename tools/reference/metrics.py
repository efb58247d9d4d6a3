"""docs/operations/metrics.md, from the metrics that the services define."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

_SERVICES: Final[Mapping[str, str]] = {
    "shared": "Every service",
    "gateway": "gateway",
    "deploy_service": "deploy-service",
    "executor_service": "executor-service",
    "jobs_service": "jobs-service",
}
_HEAD: Final = """# Metrics

All metrics of the services. `make docs` generates this page from the code; do not edit it.

Every service serves `GET /metrics` on its own port. With `FLOWPORT_METRICS_TOKEN` set, requests need it as Bearer
token. Durations are seconds, counters end in `_total`, histograms add `_bucket`, `_count` and `_sum`. Labels are
bounded: no run, workflow or key is ever one, and workspaces only with `FLOWPORT_METRICS_BY_WORKSPACE=true`.

Metrics of RabbitMQ and MongoDB come from `rabbitmq_prometheus` (port 15692) and from the exporter of your choice.
`deploy/prometheus/rules/broker.yml` watches RabbitMQ's alarms, disk and nodes; on Kubernetes, the PodMonitor `rabbitmq`
scrapes them.
"""


@dataclass(frozen=True, order=True)
class Metric:
    """Metric family. `name` is its name in scrapes."""

    owner: str
    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def metrics() -> list[Metric]:
    """Return every metric of every service."""
    for package in list(_SERVICES)[1:]:
        import_module("gateway.app" if package == "gateway" else f"{package}.bootstrap")
    found = {
        id(value): _metric(module.split(".", maxsplit=1)[0], value)
        for module, loaded in sorted(sys.modules.items(), reverse=True)
        if module.split(".", maxsplit=1)[0] in _SERVICES
        for value in vars(loaded).values()
        if isinstance(value, MetricWrapperBase)
    }
    return sorted({metric.name: metric for metric in sorted(found.values())}.values())


def metrics_page() -> str:
    """Return the page."""
    owned: dict[str, list[Metric]] = defaultdict(list)
    for metric in metrics():
        owned[metric.owner].append(metric)
    sections = (line for package, title in _SERVICES.items() for line in _section(title, owned[package]))
    return "\n".join([_HEAD, *sections]) + "\n"


def _section(title: str, found: list[Metric]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in found:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |"
    yield ""


def _metric(package: str, value: MetricWrapperBase) -> Metric:
    family = next(iter(value.describe()))
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return Metric(package, name, family.type, value._labelnames, family.documentation)
