"""Queries and rows of panels that several Grafana dashboards have."""

from collections.abc import Sequence
from typing import Final

from tools.observability.grafana import Panel

EXECUTE: Final = 'service="gateway",route=~"/api/.*workflows/.*/execute"'
RATE: Final = "$__rate_interval"
TOKENS: Final = f"sum by (provider, direction) (rate(flowport_executor_tokens_total[{RATE}]))"
SLOTS_USED: Final = "sum by (kind) (flowport_executor_slots_busy) / sum by (kind) (flowport_executor_slots)"
DOWN: Final = 'count(up{job=~"gateway|deploy-service|executor-service|jobs-service|rabbitmq"} == 0) or vector(0)'
BUSIEST: Final = f"topk(10, sum by (workspace) (rate(flowport_gateway_workspace_runs_total[{RATE}])))"


def quantiles(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    labels = f"le, {by}" if by else "le"
    legend = f"p{{}} {{{{{{{{{by}}}}}}}}}" if by else "p{}"
    return {
        legend.format(share): f"histogram_quantile(0.{share}, sum by ({labels}) (rate({metric}_bucket{where}[{RATE}])))"
        for share in (50, 95, 99)
    }


def rates(metric: str, by: str, where: str = "") -> dict[str, str]:
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({metric}{where}[{RATE}]))"}


def or_zero(query: str, by: str = "") -> str:
    """Return `query`, or 0 while no series exists: counters by label appear with the first failure."""
    zero = f'label_replace(vector(0), "{by}", "none", "", "")' if by else "vector(0)"
    return f"{query} or on () {zero}"


def failures(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    legend = f"{{{{{by}}}}}" if by else ""
    grouped = f"sum by ({by})" if by else "sum"
    return {legend: or_zero(f"{grouped} (rate({metric}{where}[{RATE}]))", by)}


def process(job: str) -> Sequence[Panel]:
    return (
        Panel(
            "CPU",
            {"{{instance}}": f'rate(process_cpu_seconds_total{{job="{job}"}}[{RATE}])'},
            "cores",
            help="Processor time per second. A process uses at most about one core.",
        ),
        Panel(
            "Memory",
            {"{{instance}}": f'process_resident_memory_bytes{{job="{job}"}}'},
            "bytes",
            help="Resident memory of each process.",
        ),
        Panel(
            "Requests",
            rates("flowport_http_requests_total", "status", f'{{job="{job}"}}'),
            "reqps",
            help="Requests per second by status.",
        ),
        Panel(
            "Request duration",
            quantiles("flowport_http_request_duration_seconds", where=f'{{job="{job}"}}'),
            "s",
            help="Streams and sync calls last as long as their run.",
        ),
    )


def store_and_broker(job: str) -> Sequence[Panel]:
    where = f'{{job="{job}"}}'
    return (
        Panel(
            "Store latency",
            quantiles("flowport_store_command_seconds", where=where),
            "s",
            threshold=1,
            help="Duration of store commands. Above 1 s everything waits for the store.",
        ),
        Panel(
            "Store failures",
            failures("flowport_store_failures_total", where=where),
            "ops",
            help="Store commands that failed.",
        ),
        Panel(
            "Publish latency",
            quantiles("flowport_broker_publish_seconds", "queue", where),
            "s",
            threshold=0.5,
            help="Time until the broker confirmed a message, by queue.",
        ),
        Panel(
            "Failed publishes",
            {
                "{{queue}} {{code}}": or_zero(
                    f"sum by (queue, code) (rate(flowport_broker_publish_failures_total{where}[{RATE}]))", "queue"
                )
            },
            "ops",
            help="runs.express rejects messages that would wait with QUEUE_FULL; they go to runs.interactive.",
        ),
    )
