"""Metrics of jobs-service."""

from collections.abc import Mapping
from heapq import nlargest
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.broker.queue_topology import DEAD, LONGEST_RUN_SECONDS, default_topology
from shared.contracts.dead_letters import DeadLetterKind
from shared.errors import FullQueue

QUEUED: Final = Gauge("flowport_jobs_queued_runs", "Runs accepted but not started; reported by the leader only.")
QUEUE_LIMIT: Final = Gauge("flowport_jobs_queue_limit", "Limit of queued runs, over all workspaces.")
READY: Final = Gauge("flowport_jobs_ready_runs", "Runs that wait only for a worker; their workspaces have free slots.")
OLDEST_SECONDS: Final = Gauge(
    "flowport_jobs_oldest_waiting_seconds", "Waiting time of the oldest run that may be dispatched."
)
UNCLAIMED_SECONDS: Final = Gauge(
    "flowport_jobs_oldest_unclaimed_seconds", "Time since the first dispatch of the oldest unclaimed run."
)
WORKSPACE_QUEUED: Final = Gauge(
    "flowport_jobs_workspace_queued_runs",
    "Runs accepted but not started, for the top workspaces; only with FLOWPORT_METRICS_BY_WORKSPACE.",
    ["workspace"],
)
QUEUE_SECONDS: Final = Histogram(
    "flowport_jobs_queue_wait_seconds",
    "Time from a run's acceptance to its first claim.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600),
)
LEADING: Final = Gauge("flowport_jobs_leading", "1 while this process leads the role.", ["role"])
ACCEPTED: Final = Counter("flowport_jobs_accepted_total", "Durable runs stored.")
REFUSALS: Final = Counter(
    "flowport_jobs_refusals_total", "Durable runs refused because a queue was full, by limit.", ["limit"]
)
for _limit in FullQueue:
    REFUSALS.labels(_limit)  # start at 0: Prometheus sees no increase in a series that begins at 1
DISPATCHES: Final = Counter("flowport_jobs_dispatches_total", "Runs dispatched to workers.")
REPLAYED: Final = Counter("flowport_jobs_replayed_runs_total", "Recorded runs of replay sets, by verdict.", ["verdict"])
REDISPATCHES: Final = Counter("flowport_jobs_redispatches_total", "Runs redispatched because no worker claimed them.")
ATTEMPTS: Final = Counter("flowport_jobs_attempts_total", "Claims granted.")
ENDED: Final = Counter("flowport_jobs_ended_total", "Durable runs that ended.", ["status"])
REAPED: Final = Counter("flowport_jobs_reaped_total", "Overdue runs that the reaper moved, by new phase.", ["phase"])
CORRECTED: Final = Counter("flowport_jobs_corrected_places_total", "Differences repaired in capacity counters.")
DEAD_LETTERS: Final = Counter(
    "flowport_jobs_dead_letters_total", "Dead-lettered messages, by queue and kind.", ["queue", "kind"]
)
# Start at 0: Prometheus sees no increase in a series that begins at 1.
for _queue in default_topology(LONGEST_RUN_SECONDS).queues.values():
    for _kind in DeadLetterKind if _queue.dead_letters_to == DEAD else ():
        DEAD_LETTERS.labels(_queue.name, _kind)
DELIVERIES: Final = Counter("flowport_jobs_webhook_attempts_total", "Webhook attempts, by outcome.", ["outcome"])
RECORDS: Final = Counter("flowport_jobs_records_total", "Records of attached runs stored.")

SHOWN_WORKSPACES: Final = 100


def show_workspaces(queued: Mapping[str, int]) -> None:
    """Report the queued runs of the workspaces with the most; drop the others."""
    WORKSPACE_QUEUED.clear()
    for workspace in nlargest(SHOWN_WORKSPACES, queued, key=queued.__getitem__):
        WORKSPACE_QUEUED.labels(workspace).set(queued[workspace])
