"""Dashboards: golden signals, services, capacity, tenants."""

from collections.abc import Sequence
from typing import Final

from tools.observability.grafana import Dashboard, Panel

_EXECUTE: Final = 'service="gateway",route=~"/api/.*workflows/.*/execute"'
_RATE: Final = "$__rate_interval"
_TOKENS: Final = f"sum by (provider, direction) (rate(flowport_executor_tokens_total[{_RATE}]))"
_SLOTS_USED: Final = "sum by (kind) (flowport_executor_slots_busy) / sum by (kind) (flowport_executor_slots)"
_DOWN: Final = 'count(up{job=~"gateway|deploy-service|executor-service|jobs-service|rabbitmq"} == 0) or vector(0)'
_BUSIEST: Final = f"topk(10, sum by (workspace) (rate(flowport_gateway_workspace_runs_total[{_RATE}])))"


def _quantiles(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    labels = f"le, {by}" if by else "le"
    legend = f"p{{}} {{{{{{{{{by}}}}}}}}}" if by else "p{}"
    return {
        legend.format(
            share
        ): f"histogram_quantile(0.{share}, sum by ({labels}) (rate({metric}_bucket{where}[{_RATE}])))"
        for share in (50, 95, 99)
    }


def _rates(metric: str, by: str, where: str = "") -> dict[str, str]:
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({metric}{where}[{_RATE}]))"}


def _process(job: str) -> Sequence[Panel]:
    return (
        Panel("CPU", {"{{instance}}": f'rate(process_cpu_seconds_total{{job="{job}"}}[{_RATE}])'}, "cores"),
        Panel("Memory", {"{{instance}}": f'process_resident_memory_bytes{{job="{job}"}}'}, "bytes"),
        Panel("Requests", _rates("flowport_http_requests_total", "status", f'{{job="{job}"}}'), "reqps"),
        Panel(
            "Request duration",
            _quantiles("flowport_http_request_duration_seconds", where=f'{{job="{job}"}}'),
            "s",
            help="Streams and sync calls last as long as their run.",
        ),
    )


def _store_and_broker(job: str) -> Sequence[Panel]:
    where = f'{{job="{job}"}}'
    return (
        Panel("Store latency", _quantiles("flowport_store_command_seconds", where=where), "s", threshold=1),
        Panel("Store failures", {"": f"sum(rate(flowport_store_failures_total{where}[{_RATE}]))"}, "ops"),
        Panel("Publish latency", _quantiles("flowport_broker_publish_seconds", "queue", where), "s", threshold=0.5),
        Panel(
            "Failed publishes",
            {
                "{{queue}} {{code}}": "sum by (queue, code) "
                f"(rate(flowport_broker_publish_failures_total{where}[{_RATE}]))"
            },
            "ops",
            help="runs.express rejects messages that would wait with QUEUE_FULL; they go to runs.interactive.",
        ),
    )


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
                    {"": "flowport:calls_failed:ratio1h"},
                    "percentunit",
                    kind="stat",
                    threshold=0.001,
                ),
                Panel(
                    "First tokens after more than 2.5 s, 1 h",
                    {"": "flowport:first_token_slow:ratio1h"},
                    "percentunit",
                    kind="stat",
                    threshold=0.05,
                ),
                Panel(
                    "Queued runs that waited more than 30 s, 1 h",
                    {"": "flowport:job_start_slow:ratio1h"},
                    "percentunit",
                    kind="stat",
                    threshold=0.01,
                    help="Includes runs that wait for their workspace's concurrency limit; the alert excludes them.",
                ),
                Panel("Unreachable processes", {"": _DOWN}, kind="stat", threshold=1),
            ),
        ),
        (
            "Traffic and errors",
            (
                Panel("Runs by mode", _rates("flowport_gateway_runs_total", "mode"), "reqps"),
                Panel("Runs by outcome", _rates("flowport_gateway_runs_total", "outcome"), "reqps"),
                Panel("Failed calls by reason", _rates("flowport_gateway_refusals_total", "code"), "reqps"),
            ),
        ),
        (
            "Latency",
            (
                Panel(
                    "Execute calls",
                    _quantiles(
                        "flowport_http_request_duration_seconds",
                        where=f"{{{_EXECUTE}}}",
                    ),
                    "s",
                ),
                Panel("First token", _quantiles("flowport_gateway_first_token_seconds"), "s", threshold=2.5),
                Panel("Queue wait", _quantiles("flowport_jobs_queue_wait_seconds"), "s", threshold=30),
            ),
        ),
        (
            "Saturation",
            (
                Panel(
                    "Slots in use",
                    {"{{kind}}": _SLOTS_USED},
                    "percentunit",
                    threshold=0.9,
                ),
                Panel(
                    "Queued runs",
                    {"queued": "max(flowport_jobs_queued_runs)", "limit": "max(flowport_jobs_queue_limit)"},
                ),
                Panel("Calls in progress", {"{{instance}}": "flowport_gateway_calls_in_hand"}),
            ),
        ),
    ),
)

_GATEWAY: Final = Dashboard(
    "gateway",
    "gateway",
    "The public API.",
    (
        (
            "Calls",
            (
                Panel("By route", _rates("flowport_http_requests_total", "route", '{job="gateway"}'), "reqps"),
                Panel("Rejections", _rates("flowport_gateway_refusals_total", "code"), "reqps"),
                Panel(
                    "Lookups",
                    {"{{what}} {{result}}": f"sum by (what, result) (rate(flowport_gateway_lookups_total[{_RATE}]))"},
                    "ops",
                    help="hit: cached. load: from the store or deploy-service. failure: unavailable.",
                ),
                Panel(
                    "Calls without a rate limit",
                    {"": f"sum(rate(flowport_gateway_rate_unchecked_total[{_RATE}]))"},
                    "reqps",
                ),
            ),
        ),
        (
            "Streams",
            (
                Panel("First token", _quantiles("flowport_gateway_first_token_seconds"), "s", threshold=2.5),
                Panel("Gaps", {"": f"sum(rate(flowport_gateway_stream_gaps_total[{_RATE}]))"}, "ops"),
                Panel("Slow readers", {"": f"sum(rate(flowport_gateway_slow_readers_total[{_RATE}]))"}, "ops"),
                Panel("Runs without a caller", {"": f"sum(rate(flowport_gateway_stray_runs_total[{_RATE}]))"}, "ops"),
            ),
        ),
        ("Store and broker", _store_and_broker("gateway")),
        ("Process", _process("gateway")),
    ),
)

_DEPLOY: Final = Dashboard(
    "deploy",
    "deploy-service",
    "Workflows, versions, secrets.",
    (
        (
            "Work",
            (
                Panel("By route", _rates("flowport_http_requests_total", "route", '{job="deploy-service"}'), "reqps"),
                Panel(
                    "Delayed change notifications",
                    {"": f"sum(rate(flowport_deploy_announcements_lost_total[{_RATE}]))"},
                    "ops",
                ),
            ),
        ),
        ("Store and broker", _store_and_broker("deploy-service")),
        ("Process", _process("deploy-service")),
    ),
)

_EXECUTOR: Final = Dashboard(
    "executor",
    "executor-service",
    "Execution of workflows.",
    (
        (
            "Runs",
            (
                Panel("By status", _rates("flowport_executor_runs_total", "status"), "reqps"),
                Panel("Run duration", _quantiles("flowport_executor_run_duration_seconds", "mode"), "s"),
                Panel("Slots in use", {"{{instance}} {{kind}}": "flowport_executor_slots_busy"}),
                Panel(
                    "Redelivered after worker loss",
                    _rates("flowport_executor_redeliveries_total", "queue"),
                    "ops",
                    threshold=0.01,
                ),
            ),
        ),
        (
            "Models",
            (
                Panel("Model turns", _quantiles("flowport_executor_model_turn_seconds", "provider"), "s"),
                Panel("Failures", _rates("flowport_executor_model_failures_total", "provider"), "ops"),
                Panel(
                    "Tokens",
                    {"{{provider}} {{direction}}": _TOKENS},
                    "ops",
                ),
            ),
        ),
        (
            "User code and workflow cache",
            (
                Panel("Script duration", _quantiles("flowport_executor_sandbox_seconds", "language"), "s"),
                Panel("Failed scripts", _rates("flowport_executor_sandbox_failures_total", "kind"), "ops"),
                Panel("Workflow lookups", _rates("flowport_executor_workflow_lookups_total", "result"), "ops"),
                Panel("Records dropped", {"": f"sum(rate(flowport_executor_records_dropped_total[{_RATE}]))"}, "ops"),
            ),
        ),
        ("Process", _process("executor-service")),
    ),
)

_JOBS: Final = Dashboard(
    "jobs",
    "jobs-service",
    "Queued runs and records.",
    (
        (
            "Queue",
            (
                Panel(
                    "Queue",
                    {
                        "queued": "max(flowport_jobs_queued_runs)",
                        "ready for a worker": "max(flowport_jobs_ready_runs)",
                        "limit": "max(flowport_jobs_queue_limit)",
                    },
                ),
                Panel(
                    "Waiting",
                    {
                        "oldest runnable": "max(flowport_jobs_oldest_waiting_seconds)",
                        "oldest dispatched": "max(flowport_jobs_oldest_unclaimed_seconds)",
                    },
                    "s",
                ),
                Panel("Queue wait", _quantiles("flowport_jobs_queue_wait_seconds"), "s", threshold=30),
                Panel("Leaders", {"{{role}} {{instance}}": "flowport_jobs_leading"}),
            ),
        ),
        (
            "Flow",
            (
                Panel(
                    "Runs",
                    {
                        "accepted": f"sum(rate(flowport_jobs_accepted_total[{_RATE}]))",
                        "rejected: {{limit}}": f"sum by (limit) (rate(flowport_jobs_refusals_total[{_RATE}]))",
                        "dispatched": f"sum(rate(flowport_jobs_dispatches_total[{_RATE}]))",
                        "redispatched": f"sum(rate(flowport_jobs_redispatches_total[{_RATE}]))",
                        "claimed": f"sum(rate(flowport_jobs_attempts_total[{_RATE}]))",
                    },
                    "reqps",
                ),
                Panel("Ended", _rates("flowport_jobs_ended_total", "status"), "reqps"),
                Panel("Ended without a worker", _rates("flowport_jobs_reaped_total", "phase"), "ops"),
                Panel("Dead letters", _rates("flowport_jobs_dead_letters_total", "kind"), "ops", threshold=0.001),
            ),
        ),
        ("Store and broker", _store_and_broker("jobs-service")),
        ("Process", _process("jobs-service")),
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
                ),
                Panel(
                    "CPU of each executor",
                    {"{{instance}}": f'rate(process_cpu_seconds_total{{job="executor-service"}}[{_RATE}])'},
                    "cores",
                ),
                Panel(
                    "Memory of each executor",
                    {"{{instance}}": 'process_resident_memory_bytes{job="executor-service"}'},
                    "bytes",
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
                ),
                Panel(
                    "Queue growth",
                    {"": "sum(rate(flowport_jobs_accepted_total[30m])) - sum(rate(flowport_jobs_ended_total[30m]))"},
                    "reqps",
                ),
                Panel(
                    "Rejected runs",
                    _rates("flowport_gateway_refusals_total", "code", '{code=~".*CAPACITY|QUEUE_FULL"}'),
                    "reqps",
                ),
            ),
        ),
        (
            "Store and broker",
            (
                Panel("Store latency", _quantiles("flowport_store_command_seconds", "job"), "s", threshold=1),
                Panel("Commands", _rates("flowport_store_command_seconds_count", "job"), "ops"),
                Panel("Publish latency", _quantiles("flowport_broker_publish_seconds", "queue"), "s", threshold=0.5),
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
                    {"{{workspace}}": _BUSIEST},
                    "reqps",
                ),
                Panel(
                    "Queued runs, top 10",
                    {"{{workspace}}": "topk(10, max by (workspace) (flowport_jobs_workspace_queued_runs))"},
                ),
            ),
        ),
    ),
)

DASHBOARDS: Final = (_OVERVIEW, _GATEWAY, _DEPLOY, _EXECUTOR, _JOBS, _CAPACITY, _TENANTS)
