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


def _or_zero(query: str, by: str = "") -> str:
    """Return `query`, or 0 while no series exists: counters by label appear with the first failure."""
    zero = f'label_replace(vector(0), "{by}", "none", "", "")' if by else "vector(0)"
    return f"{query} or on () {zero}"


def _failures(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    legend = f"{{{{{by}}}}}" if by else ""
    grouped = f"sum by ({by})" if by else "sum"
    return {legend: _or_zero(f"{grouped} (rate({metric}{where}[{_RATE}]))", by)}


def _process(job: str) -> Sequence[Panel]:
    return (
        Panel(
            "CPU",
            {"{{instance}}": f'rate(process_cpu_seconds_total{{job="{job}"}}[{_RATE}])'},
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
            _rates("flowport_http_requests_total", "status", f'{{job="{job}"}}'),
            "reqps",
            help="Requests per second by status.",
        ),
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
        Panel(
            "Store latency",
            _quantiles("flowport_store_command_seconds", where=where),
            "s",
            threshold=1,
            help="Duration of store commands. Above 1 s everything waits for the store.",
        ),
        Panel(
            "Store failures",
            _failures("flowport_store_failures_total", where=where),
            "ops",
            help="Store commands that failed.",
        ),
        Panel(
            "Publish latency",
            _quantiles("flowport_broker_publish_seconds", "queue", where),
            "s",
            threshold=0.5,
            help="Time until the broker confirmed a message, by queue.",
        ),
        Panel(
            "Failed publishes",
            {
                "{{queue}} {{code}}": _or_zero(
                    f"sum by (queue, code) (rate(flowport_broker_publish_failures_total{where}[{_RATE}]))", "queue"
                )
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
                    {"": _or_zero("flowport:calls_failed:ratio1h")},
                    "percentunit",
                    kind="stat",
                    threshold=0.001,
                    help="Calls that Flowport failed. Failed blocks and rate limits do not count. Objective: 0.1 %.",
                ),
                Panel(
                    "First tokens after more than 2.5 s, 1 h",
                    {"": _or_zero("flowport:first_token_slow:ratio1h")},
                    "percentunit",
                    kind="stat",
                    threshold=0.05,
                    help="Share of streams whose first token took over 2.5 s in the last hour. The objective is 5 %.",
                ),
                Panel(
                    "Queued runs that waited more than 30 s, 1 h",
                    {"": _or_zero("flowport:job_start_slow:ratio1h")},
                    "percentunit",
                    kind="stat",
                    threshold=0.01,
                    help="Includes runs that wait for their workspace's concurrency limit; the alert excludes them.",
                ),
                Panel(
                    "Unreachable processes",
                    {"": _DOWN},
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
                    _rates("flowport_gateway_runs_total", "mode"),
                    "reqps",
                    help="Runs requested by callers, by mode.",
                ),
                Panel(
                    "Runs by outcome",
                    _rates("flowport_gateway_runs_total", "outcome"),
                    "reqps",
                    help="Runs requested by callers, by outcome. completed and failed come from the workflow.",
                ),
                Panel(
                    "Failed calls by reason",
                    _failures("flowport_gateway_refusals_total", "code"),
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
                    _quantiles(
                        "flowport_http_request_duration_seconds",
                        where=f"{{{_EXECUTE}}}",
                    ),
                    "s",
                    help="Duration of execute calls. Sync calls and streams last as long as their run.",
                ),
                Panel(
                    "First token",
                    _quantiles("flowport_gateway_first_token_seconds"),
                    "s",
                    threshold=2.5,
                    help="Time from a call to its first token, model included. The objective is 2.5 s.",
                ),
                Panel(
                    "Queue wait",
                    _quantiles("flowport_jobs_queue_wait_seconds"),
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
                    {"{{kind}}": _SLOTS_USED},
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

_GATEWAY: Final = Dashboard(
    "gateway",
    "gateway",
    "The public API.",
    (
        (
            "Calls",
            (
                Panel(
                    "By route",
                    _rates("flowport_http_requests_total", "route", '{job="gateway"}'),
                    "reqps",
                    help="Requests per second by route.",
                ),
                Panel(
                    "Rejections",
                    _failures("flowport_gateway_refusals_total", "code"),
                    "reqps",
                    help="Calls that were refused, by error code. Rate limits and wrong keys are the callers' part.",
                ),
                Panel(
                    "Lookups",
                    {"{{what}} {{result}}": f"sum by (what, result) (rate(flowport_gateway_lookups_total[{_RATE}]))"},
                    "ops",
                    help="hit: cached. load: from the store or deploy-service. failure: unavailable.",
                ),
                Panel(
                    "Calls without a rate limit",
                    _failures("flowport_gateway_rate_unchecked_total"),
                    "reqps",
                    help="Calls that were let through because the store of the limits did not answer.",
                ),
            ),
        ),
        (
            "Streams",
            (
                Panel(
                    "First token",
                    _quantiles("flowport_gateway_first_token_seconds"),
                    "s",
                    threshold=2.5,
                    help="Time from a call to its first token, model included. The objective is 2.5 s.",
                ),
                Panel(
                    "Gaps",
                    _failures("flowport_gateway_stream_gaps_total"),
                    "ops",
                    help="Streams that ended with an error because events were missing.",
                ),
                Panel(
                    "Slow readers",
                    _failures("flowport_gateway_slow_readers_total"),
                    "ops",
                    help="Streams closed because their client did not read.",
                ),
                Panel(
                    "Runs without a caller",
                    _failures("flowport_gateway_stray_runs_total"),
                    "ops",
                    help="Cancels sent for runs that no longer have a caller.",
                ),
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
                Panel(
                    "By route",
                    _rates("flowport_http_requests_total", "route", '{job="deploy-service"}'),
                    "reqps",
                    help="Requests per second by route.",
                ),
                Panel(
                    "Delayed change notifications",
                    _failures("flowport_deploy_announcements_lost_total"),
                    "ops",
                    help="Failed broadcasts of a new live version. Other processes notice it when their lease ends.",
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
                Panel(
                    "By status",
                    _rates("flowport_executor_runs_total", "status"),
                    "reqps",
                    help="Runs that ended on executors, by status.",
                ),
                Panel(
                    "Run duration",
                    _quantiles("flowport_executor_run_duration_seconds", "mode"),
                    "s",
                    help="Duration of runs by mode, waiting for models included.",
                ),
                Panel(
                    "Slots in use",
                    {"{{instance}} {{kind}}": "flowport_executor_slots_busy"},
                    help="Slots that are taken on each executor, by kind.",
                ),
                Panel(
                    "Redelivered after worker loss",
                    _failures("flowport_executor_redeliveries_total", "queue"),
                    "ops",
                    threshold=0.01,
                    help="Runs that the broker delivered again because an executor died or lost its connection.",
                ),
            ),
        ),
        (
            "Models",
            (
                Panel(
                    "Model turns",
                    _quantiles("flowport_executor_model_turn_seconds", "provider"),
                    "s",
                    help="Duration of a model's answer, by provider.",
                ),
                Panel(
                    "Failures",
                    _failures("flowport_executor_model_failures_total", "provider"),
                    "ops",
                    help="Model calls that failed, by provider.",
                ),
                Panel(
                    "Tokens",
                    {"{{provider}} {{direction}}": _TOKENS},
                    "ops",
                    help="Tokens per second, by provider and direction.",
                ),
            ),
        ),
        (
            "User code and workflow cache",
            (
                Panel(
                    "Script duration",
                    _quantiles("flowport_executor_sandbox_seconds", "language"),
                    "s",
                    help="Duration of functions and conditions in the sandbox, by language.",
                ),
                Panel(
                    "Failed scripts",
                    _failures("flowport_executor_sandbox_failures_total", "kind"),
                    "ops",
                    help="Failed scripts, by reason.",
                ),
                Panel(
                    "Workflow lookups",
                    _rates("flowport_executor_workflow_lookups_total", "result"),
                    "ops",
                    help="Lookups of compiled workflows, by result.",
                ),
                Panel(
                    "Records dropped",
                    _failures("flowport_executor_records_dropped_total"),
                    "ops",
                    help="Records of finished runs that were lost: they are missing in lists and in the spend.",
                ),
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
                    help="Runs in the queue, those that a worker could take now, and the limit.",
                ),
                Panel(
                    "Waiting",
                    {
                        "oldest runnable": "max(flowport_jobs_oldest_waiting_seconds)",
                        "oldest dispatched": "max(flowport_jobs_oldest_unclaimed_seconds)",
                    },
                    "s",
                    help="Age of the oldest run that could start, and of the oldest dispatched, unclaimed one.",
                ),
                Panel(
                    "Queue wait",
                    _quantiles("flowport_jobs_queue_wait_seconds"),
                    "s",
                    threshold=30,
                    help="Time from acceptance of a queued run to its claim by a worker. The objective is 30 s.",
                ),
                Panel(
                    "Leaders",
                    {"{{role}} {{instance}}": "flowport_jobs_leading"},
                    help="1 where a process leads a role. Each role has exactly one leader.",
                ),
            ),
        ),
        (
            "Flow",
            (
                Panel(
                    "Runs",
                    {
                        "accepted": f"sum(rate(flowport_jobs_accepted_total[{_RATE}]))",
                        "rejected: {{limit}}": _or_zero(
                            f"sum by (limit) (rate(flowport_jobs_refusals_total[{_RATE}]))", "limit"
                        ),
                        "dispatched": f"sum(rate(flowport_jobs_dispatches_total[{_RATE}]))",
                        "redispatched": f"sum(rate(flowport_jobs_redispatches_total[{_RATE}]))",
                        "claimed": f"sum(rate(flowport_jobs_attempts_total[{_RATE}]))",
                    },
                    "reqps",
                    help="Steps of queued runs. A redispatch means that no worker claimed the run in time.",
                ),
                Panel(
                    "Ended",
                    _rates("flowport_jobs_ended_total", "status"),
                    "reqps",
                    help="Queued runs that ended, by status.",
                ),
                Panel(
                    "Ended without a worker",
                    _failures("flowport_jobs_reaped_total", "phase"),
                    "ops",
                    help="Runs whose lease or time limit passed, by the phase that they moved to.",
                ),
                Panel(
                    "Dead letters",
                    _failures("flowport_jobs_dead_letters_total", "kind"),
                    "ops",
                    threshold=0.001,
                    help="Messages that could not be processed, by kind. Each is a defect or an incompatible version.",
                ),
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
                    help="Executor slots that are taken, and all of them, by kind.",
                ),
                Panel(
                    "CPU of each executor",
                    {"{{instance}}": f'rate(process_cpu_seconds_total{{job="executor-service"}}[{_RATE}])'},
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
                    _failures("flowport_gateway_refusals_total", "code", '{code=~".*CAPACITY|QUEUE_FULL"}'),
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
                    _quantiles("flowport_store_command_seconds", "job"),
                    "s",
                    threshold=1,
                    help="Duration of store commands. Above 1 s everything waits for the store.",
                ),
                Panel(
                    "Commands",
                    _rates("flowport_store_command_seconds_count", "job"),
                    "ops",
                    help="Store commands per second by service.",
                ),
                Panel(
                    "Publish latency",
                    _quantiles("flowport_broker_publish_seconds", "queue"),
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
                    {"{{workspace}}": _BUSIEST},
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

DASHBOARDS: Final = (_OVERVIEW, _GATEWAY, _DEPLOY, _EXECUTOR, _JOBS, _CAPACITY, _TENANTS)
