"""What jobs-service tells Prometheus."""

from collections.abc import Mapping
from heapq import nlargest
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.broker.topology import DEAD, LONGEST_RUN_SECONDS, default_topology
from shared.contracts.dead_letters import DeadLetterKind
from shared.errors import FullQueue

QUEUED: Final = Gauge("flowport_jobs_queued_runs", "Runs accepted and not begun; only the leading dispatcher tells.")
QUEUE_LIMIT: Final = Gauge("flowport_jobs_queue_limit", "Runs that may be queued, all workspaces together.")
READY: Final = Gauge(
    "flowport_jobs_ready_runs", "Runs that wait for a worker and nothing else: their workspaces have places for them."
)
OLDEST_SECONDS: Final = Gauge(
    "flowport_jobs_oldest_waiting_seconds", "How long the oldest run waits that may be handed to workers."
)
UNCLAIMED_SECONDS: Final = Gauge(
    "flowport_jobs_oldest_unclaimed_seconds", "Age of the oldest run that was handed to the broker and not claimed."
)
WORKSPACE_QUEUED: Final = Gauge(
    "flowport_jobs_workspace_queued_runs",
    "Runs accepted and not begun, of the workspaces with the most; only with FLOWPORT_METRICS_BY_WORKSPACE.",
    ["workspace"],
)
QUEUE_SECONDS: Final = Histogram(
    "flowport_jobs_queue_wait_seconds",
    "Time from a run's acceptance to its first claim.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600),
)
LEADING: Final = Gauge("flowport_jobs_leading", "1 while this process has the role.", ["role"])
ACCEPTED: Final = Counter("flowport_jobs_accepted_total", "Durable runs stored.")
REFUSALS: Final = Counter(
    "flowport_jobs_refusals_total", "Durable runs refused because a queue was full, by whose it was.", ["limit"]
)
for _limit in FullQueue:
    REFUSALS.labels(_limit)  # there from the start: to Prometheus, what begins at 1 has not increased
DISPATCHES: Final = Counter("flowport_jobs_dispatches_total", "Runs handed to the workers' queue.")
REDISPATCHES: Final = Counter("flowport_jobs_redispatches_total", "Runs handed over again because nobody claimed them.")
ATTEMPTS: Final = Counter("flowport_jobs_attempts_total", "Claims granted.")
ENDED: Final = Counter("flowport_jobs_ended_total", "Durable runs that ended.", ["status"])
REAPED: Final = Counter(
    "flowport_jobs_reaped_total", "Runs that nobody answered for, by what became of them.", ["phase"]
)
CORRECTED: Final = Counter("flowport_jobs_corrected_places_total", "Places by which the queue's books were wrong.")
DEAD_LETTERS: Final = Counter(
    "flowport_jobs_dead_letters_total", "Messages that nobody could work on, by where they died.", ["queue", "kind"]
)
# There from the start: to Prometheus, what begins at 1 has not increased.
for _queue in default_topology(LONGEST_RUN_SECONDS).queues.values():
    for _kind in DeadLetterKind if _queue.dead_letters_to == DEAD else ():
        DEAD_LETTERS.labels(_queue.name, _kind)
DELIVERIES: Final = Counter("flowport_jobs_webhook_attempts_total", "Attempts at webhooks, by outcome.", ["outcome"])
RECORDS: Final = Counter("flowport_jobs_records_total", "Records of attached runs stored.")

SHOWN_WORKSPACES: Final = 100


def show_workspaces(queued: Mapping[str, int]) -> None:
    """Tell how much is queued of the workspaces that have most, and forget the others."""
    WORKSPACE_QUEUED.clear()
    for workspace in nlargest(SHOWN_WORKSPACES, queued, key=queued.__getitem__):
        WORKSPACE_QUEUED.labels(workspace).set(queued[workspace])
