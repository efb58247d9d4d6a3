"""Metrics of executor-service."""

from functools import cache, partial
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.broker.queue_topology import ASYNC, EXPRESS, INTERACTIVE, NESTED
from shared.contracts.runs import RunMode, RunOutcome
from shared.on_exit import OnExit

_RUN_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_SCRIPT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_MODEL_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)

RUNS: Final = Counter("flowport_executor_runs_total", "Ended runs.", ["mode", "status"])
RUN_SECONDS: Final = Histogram(
    "flowport_executor_run_duration_seconds", "Duration of a run on its worker.", ["mode"], buckets=_RUN_BUCKETS
)
SLOTS: Final = Gauge(
    "flowport_executor_slots",
    "Concurrent runs allowed on this worker; 0 while it does not consume the queue.",
    ["kind"],
)
SLOTS_BUSY: Final = Gauge("flowport_executor_slots_busy", "Runs in progress.", ["kind"])
_busy: Final = {"interactive": 0, "nested": 0, "durable": 0}
for _kind in _busy:  # start at 0: the autoscaler treats a missing series as a failed query
    SLOTS_BUSY.labels(_kind).set_function(partial(_busy.__getitem__, _kind))
CLAIMS: Final = Counter("flowport_executor_claims_total", "Claims of dispatched runs.", ["result"])
REDELIVERIES: Final = Counter(
    "flowport_executor_redeliveries_total", "Messages redelivered after another worker was lost.", ["queue"]
)
for _queue in (EXPRESS, INTERACTIVE, NESTED, ASYNC):
    REDELIVERIES.labels(_queue)  # start at 0: Prometheus sees no increase in a series that begins at 1
for _mode in (RunMode.SYNC, RunMode.STREAM):
    RUNS.labels(_mode, "lost")
TOKENS: Final = Counter(
    "flowport_executor_tokens_total", "Tokens that models read and wrote.", ["provider", "direction"]
)
MODEL_SECONDS: Final = Histogram(
    "flowport_executor_model_turn_seconds", "Duration of a model turn.", ["provider"], buckets=_MODEL_BUCKETS
)
MODEL_FAILURES: Final = Counter("flowport_executor_model_failures_total", "Failed model turns.", ["provider"])
SCRIPT_SECONDS: Final = Histogram(
    "flowport_executor_sandbox_seconds",
    "Duration of a user's script, including the wait for a process.",
    ["language"],
    buckets=_SCRIPT_BUCKETS,
)
SCRIPT_FAILURES: Final = Counter(
    "flowport_executor_sandbox_failures_total", "Failed scripts, by reason.", ["language", "kind"]
)
SCRIPTS_WAITING: Final = Gauge("flowport_executor_sandbox_waiting", "Scripts waiting for a process.", ["language"])
SCRIPTS_REFUSED: Final = Counter(
    "flowport_executor_sandbox_refused_total", "Scripts refused because no process became free.", ["language"]
)


_ended = cache(RUNS.labels)
_duration = cache(RUN_SECONDS.labels)


def use_slot(kind: str) -> OnExit:
    """Count a busy slot until the block ends."""
    _busy[kind] += 1
    return OnExit(partial(_free_slot, kind))


def _free_slot(kind: str) -> None:
    _busy[kind] -= 1


def count_end(mode: RunMode, outcome: RunOutcome) -> None:
    """Count a run that ended with `outcome`."""
    _ended(mode, outcome.status).inc()
    _duration(mode).observe(outcome.duration_ms / 1000)
