"""Dashboards: golden signals, services, capacity, tenants."""

from typing import Final

from tools.observability.grafana import Dashboard, Panel
from tools.observability.panel_queries import (
    BUSIEST,
    DOWN,
    EXECUTE,
    RATE,
    SLOTS_USED,
    failures,
    or_zero,
    quantiles,
    rates,
)
from tools.observability.service_panels import DEPLOY, EXECUTOR, GATEWAY, JOBS

_OVERVIEW: Final = Dashboard(
    "overview",
    "Overview",
    "Objectives, latency, traffic, errors and saturation.",
    (
        (
            "Objectives",
            (
                Panel(
                    "Failed calls, 1 h",
                    {"": or_zero("flowport:calls_failed:ratio1h")},
                    "percentunit",
                    kind="stat",
                    threshold=0.001,
                    help="Calls that Flowport failed. Failed blocks and rate limits do not count. Objective: 0.1 %.",
                ),
                Panel(
                    "First tokens after more than 2.5 s, 1 h",
                    {"": or_zero("flowport:first_token_slow:ratio1h")},
                    "percentunit",
                    kind="stat",
                    threshold=0.05,
                    help="Share of streams whose first token took over 2.5 s in the last hour. The objective is 5 %.",
                ),
                Panel(
                    "Queued runs that waited more than 30 s, 1 h",
                    {"": or_zero("flowport:job_start_slow:ratio1h")},
                    "percentunit",
                    kind="stat",
                    threshold=0.01,
                    help="Includes runs that wait for their workspace's concurrency limit; the alert excludes them.",
                ),
                Panel(
                    "Unreachable processes",
                    {"": DOWN},
                    kind="stat",
                    threshold=1,
                    help="Processes of Flowport and RabbitMQ that Prometheus cannot scrape.",
                ),
            ),
        ),
        (
            "Traffic and errors",
            (
                Panel(
                    "Runs by mode",
                    rates("flowport_gateway_runs_total", "mode"),
                    "reqps",
                    help="Runs requested by callers, by mode.",
                ),
                Panel(
                    "Runs by outcome",
                    rates("flowport_gateway_runs_total", "outcome"),
                    "reqps",
                    help="Runs requested by callers, by outcome. completed and failed come from the workflow.",
                ),
                Panel(
                    "Failed calls by reason",
                    failures("flowport_gateway_refusals_total", "code"),
                    "reqps",
                    help="Calls that were refused, by error code.",
                ),
            ),
        ),
        (
            "Latency",
            (
                Panel(
                    "Execute calls",
                    quantiles(
                        "flowport_http_request_duration_seconds",
                        where=f"{{{EXECUTE}}}",
                    ),
                    "s",
                    help="Duration of execute calls. Sync calls and streams last as long as their run.",
                ),
                Panel(
                    "First token",
                    quantiles("flowport_gateway_first_token_seconds"),
                    "s",
                    threshold=2.5,
                    help="Time from a call to its first token, model included. The objective is 2.5 s.",
                ),
                Panel(
                    "Queue wait",
                    quantiles("flowport_jobs_queue_wait_seconds"),
                    "s",
                    threshold=30,
                    help="Time from acceptance of a queued run to its claim by a worker. The objective is 30 s.",
                ),
            ),
        ),
        (
            "Saturation",
            (
                Panel(
                    "Slots in use",
                    {"{{kind}}": SLOTS_USED},
                    "percentunit",
                    threshold=0.9,
                    help="Share of executor slots that are taken, by kind. Above 0.9 runs wait: add executors.",
                ),
                Panel(
                    "Queued runs",
                    {"queued": "max(flowport_jobs_queued_runs)", "limit": "max(flowport_jobs_queue_limit)"},
                    help="Accepted runs that no worker has claimed, and the limit from which calls get 503.",
                ),
                Panel(
                    "Calls in progress",
                    {"{{instance}}": "flowport_gateway_calls_in_hand"},
                    help="Calls that each gateway handles now, waiting ones included.",
                ),
            ),
        ),
    ),
)

_CAPACITY: Final = Dashboard(
    "capacity",
    "Capacity",
    "Usage and limits; see docs/operations/scaling.md.",
    (
        (
            "Executors",
            (
                Panel(
                    "Slots",
                    {
                        "{{kind}} in use": "sum by (kind) (flowport_executor_slots_busy)",
                        "{{kind}} total": "sum by (kind) (flowport_executor_slots)",
                    },
                    help="Executor slots that are taken, and all of them, by kind.",
                ),
                Panel(
                    "CPU of each executor",
                    {"{{instance}}": f'rate(process_cpu_seconds_total{{job="executor-service"}}[{RATE}])'},
                    "cores",
                    help="Processor time per second of each executor, without its sandbox processes.",
                ),
                Panel(
                    "Memory of each executor",
                    {"{{instance}}": 'process_resident_memory_bytes{job="executor-service"}'},
                    "bytes",
                    help="Resident memory of each executor, without its sandbox processes.",
                ),
            ),
        ),
        (
            "Queue",
            (
                Panel(
                    "Free queue capacity",
                    {"": "1 - max(flowport_jobs_queued_runs) / max(flowport_jobs_queue_limit)"},
                    "percentunit",
                    help="Share of the queue's limit that is free. At 0 calls get 503.",
                ),
                Panel(
                    "Queue growth",
                    {"": "sum(rate(flowport_jobs_accepted_total[30m])) - sum(rate(flowport_jobs_ended_total[30m]))"},
                    "reqps",
                    help="Runs accepted minus runs ended, over 30 minutes. Above 0 for long: add executors.",
                ),
                Panel(
                    "Rejected runs",
                    failures("flowport_gateway_refusals_total", "code", '{code=~".*CAPACITY|QUEUE_FULL"}'),
                    "reqps",
                    help="Runs that were refused because a queue or an executor was full.",
                ),
            ),
        ),
        (
            "Store and broker",
            (
                Panel(
                    "Store latency",
                    quantiles("flowport_store_command_seconds", "job"),
                    "s",
                    threshold=1,
                    help="Duration of store commands. Above 1 s everything waits for the store.",
                ),
                Panel(
                    "Commands",
                    rates("flowport_store_command_seconds_count", "job"),
                    "ops",
                    help="Store commands per second by service.",
                ),
                Panel(
                    "Publish latency",
                    quantiles("flowport_broker_publish_seconds", "queue"),
                    "s",
                    threshold=0.5,
                    help="Time until the broker confirmed a message, by queue.",
                ),
            ),
        ),
    ),
)

_TENANTS: Final = Dashboard(
    "tenants",
    "Tenants",
    "Runs by workspace. Requires FLOWPORT_METRICS_BY_WORKSPACE=true on gateway and jobs-service.",
    (
        (
            "Workspaces",
            (
                Panel(
                    "Runs, top 10",
                    {"{{workspace}}": BUSIEST},
                    "reqps",
                    help="Runs per second of the busiest workspaces.",
                ),
                Panel(
                    "Queued runs, top 10",
                    {"{{workspace}}": "topk(10, max by (workspace) (flowport_jobs_workspace_queued_runs))"},
                    help="Runs in the queue of the workspaces with the longest queues.",
                ),
            ),
        ),
    ),
)

DASHBOARDS: Final = (_OVERVIEW, GATEWAY, DEPLOY, EXECUTOR, JOBS, _CAPACITY, _TENANTS)
