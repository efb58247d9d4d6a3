"""Panels of the Grafana dashboard of each service."""

from typing import Final

from tools.observability.grafana import Dashboard, Panel
from tools.observability.panel_queries import (
    RATE,
    TOKENS,
    failures,
    or_zero,
    process,
    quantiles,
    rates,
    store_and_broker,
)

GATEWAY: Final = Dashboard(
    "gateway",
    "gateway",
    "The public API.",
    (
        (
            "Calls",
            (
                Panel(
                    "By route",
                    rates("flowport_http_requests_total", "route", '{job="gateway"}'),
                    "reqps",
                    help="Requests per second by route.",
                ),
                Panel(
                    "Rejections",
                    failures("flowport_gateway_refusals_total", "code"),
                    "reqps",
                    help="Calls that were refused, by error code. Rate limits and wrong keys are the callers' part.",
                ),
                Panel(
                    "Lookups",
                    {"{{what}} {{result}}": f"sum by (what, result) (rate(flowport_gateway_lookups_total[{RATE}]))"},
                    "ops",
                    help="hit: cached. load: from the store or deploy-service. failure: unavailable.",
                ),
                Panel(
                    "Calls without a rate limit",
                    failures("flowport_gateway_rate_unchecked_total"),
                    "reqps",
                    help="Calls that were let through because the store of the limits did not respond.",
                ),
            ),
        ),
        (
            "Streams",
            (
                Panel(
                    "First token",
                    quantiles("flowport_gateway_first_token_seconds"),
                    "s",
                    threshold=2.5,
                    help="Time from a call to its first token, model included. The objective is 2.5 s.",
                ),
                Panel(
                    "Gaps",
                    failures("flowport_gateway_stream_gaps_total"),
                    "ops",
                    help="Streams that ended with an error because events were missing.",
                ),
                Panel(
                    "Slow readers",
                    failures("flowport_gateway_slow_readers_total"),
                    "ops",
                    help="Streams closed because their client did not read.",
                ),
                Panel(
                    "Runs without a caller",
                    failures("flowport_gateway_stray_runs_total"),
                    "ops",
                    help="Cancels sent for runs that no longer have a caller.",
                ),
            ),
        ),
        ("Store and broker", store_and_broker("gateway")),
        ("Process", process("gateway")),
    ),
)

DEPLOY: Final = Dashboard(
    "deploy",
    "deploy-service",
    "Workflows, versions, secrets.",
    (
        (
            "Work",
            (
                Panel(
                    "By route",
                    rates("flowport_http_requests_total", "route", '{job="deploy-service"}'),
                    "reqps",
                    help="Requests per second by route.",
                ),
                Panel(
                    "Delayed change notifications",
                    failures("flowport_deploy_announcements_lost_total"),
                    "ops",
                    help="Failed broadcasts of a new live version. Other processes notice it when their lease ends.",
                ),
            ),
        ),
        ("Store and broker", store_and_broker("deploy-service")),
        ("Process", process("deploy-service")),
    ),
)

EXECUTOR: Final = Dashboard(
    "executor",
    "executor-service",
    "Execution of workflows.",
    (
        (
            "Runs",
            (
                Panel(
                    "By status",
                    rates("flowport_executor_runs_total", "status"),
                    "reqps",
                    help="Runs that ended on executors, by status.",
                ),
                Panel(
                    "Run duration",
                    quantiles("flowport_executor_run_duration_seconds", "mode"),
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
                    failures("flowport_executor_redeliveries_total", "queue"),
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
                    quantiles("flowport_executor_model_turn_seconds", "provider"),
                    "s",
                    help="Duration of a model's answer, by provider.",
                ),
                Panel(
                    "Failures",
                    failures("flowport_executor_model_failures_total", "provider"),
                    "ops",
                    help="Model calls that failed, by provider.",
                ),
                Panel(
                    "Tokens",
                    {"{{provider}} {{direction}}": TOKENS},
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
                    quantiles("flowport_executor_sandbox_seconds", "language"),
                    "s",
                    help="Duration of functions and conditions in the sandbox, by language.",
                ),
                Panel(
                    "Failed scripts",
                    failures("flowport_executor_sandbox_failures_total", "kind"),
                    "ops",
                    help="Failed scripts, by reason.",
                ),
                Panel(
                    "Workflow lookups",
                    rates("flowport_executor_workflow_lookups_total", "result"),
                    "ops",
                    help="Lookups of compiled workflows, by result.",
                ),
                Panel(
                    "Records dropped",
                    failures("flowport_executor_records_dropped_total"),
                    "ops",
                    help="Records of finished runs that were lost: they are missing in lists and in the spend.",
                ),
            ),
        ),
        ("Process", process("executor-service")),
    ),
)

JOBS: Final = Dashboard(
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
                    quantiles("flowport_jobs_queue_wait_seconds"),
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
                        "accepted": f"sum(rate(flowport_jobs_accepted_total[{RATE}]))",
                        "rejected: {{limit}}": or_zero(
                            f"sum by (limit) (rate(flowport_jobs_refusals_total[{RATE}]))", "limit"
                        ),
                        "dispatched": f"sum(rate(flowport_jobs_dispatches_total[{RATE}]))",
                        "redispatched": f"sum(rate(flowport_jobs_redispatches_total[{RATE}]))",
                        "claimed": f"sum(rate(flowport_jobs_attempts_total[{RATE}]))",
                    },
                    "reqps",
                    help="Steps of queued runs. A redispatch means that no worker claimed the run in time.",
                ),
                Panel(
                    "Ended",
                    rates("flowport_jobs_ended_total", "status"),
                    "reqps",
                    help="Queued runs that ended, by status.",
                ),
                Panel(
                    "Ended without a worker",
                    failures("flowport_jobs_reaped_total", "phase"),
                    "ops",
                    help="Runs whose lease or time limit passed, by the phase that they moved to.",
                ),
                Panel(
                    "Dead letters",
                    failures("flowport_jobs_dead_letters_total", "kind"),
                    "ops",
                    threshold=0.001,
                    help="Messages that could not be processed, by kind. Each is a defect or an incompatible version.",
                ),
            ),
        ),
        ("Store and broker", store_and_broker("jobs-service")),
        ("Process", process("jobs-service")),
    ),
)
