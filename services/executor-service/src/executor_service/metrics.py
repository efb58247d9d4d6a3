"""What an executor tells Prometheus about its work."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.broker.topology import ASYNC, EXPRESS, INTERACTIVE, NESTED
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunMode

_RUN_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_SCRIPT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_MODEL_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)

RUNS: Final = Counter("flowport_executor_runs_total", "Runs ended.", ["mode", "status"])
RUN_SECONDS: Final = Histogram(
    "flowport_executor_run_duration_seconds", "Time that a run took on its worker.", ["mode"], buckets=_RUN_BUCKETS
)
SLOTS: Final = Gauge(
    "flowport_executor_slots", "Runs that this worker may have in hand; none while their queue gives nothing.", ["kind"]
)
SLOTS_BUSY: Final = Gauge("flowport_executor_slots_busy", "Runs in hand.", ["kind"])
for _kind in ("interactive", "nested", "durable"):
    SLOTS_BUSY.labels(_kind)  # there from the start: what scales executors takes silence for no answer
CLAIMS: Final = Counter("flowport_executor_claims_total", "Dispatched runs asked for.", ["result"])
REDELIVERIES: Final = Counter(
    "flowport_executor_redeliveries_total", "Messages that another worker had before: it is gone.", ["queue"]
)
for _queue in (EXPRESS, INTERACTIVE, NESTED, ASYNC):
    REDELIVERIES.labels(_queue)  # there from the start: to Prometheus, what begins at 1 has not increased
for _mode in (RunMode.SYNC, RunMode.STREAM):
    RUNS.labels(_mode, "lost")
TOKENS: Final = Counter(
    "flowport_executor_tokens_total", "Tokens that models read and wrote.", ["provider", "direction"]
)
MODEL_SECONDS: Final = Histogram(
    "flowport_executor_model_turn_seconds", "Time of one turn of a model.", ["provider"], buckets=_MODEL_BUCKETS
)
MODEL_FAILURES: Final = Counter("flowport_executor_model_failures_total", "Turns that models failed.", ["provider"])
SCRIPT_SECONDS: Final = Histogram(
    "flowport_executor_sandbox_seconds",
    "Time of one script of a user, the wait for its process included.",
    ["language"],
    buckets=_SCRIPT_BUCKETS,
)
SCRIPT_FAILURES: Final = Counter(
    "flowport_executor_sandbox_failures_total", "Scripts without a result, by why.", ["language", "kind"]
)
SCRIPTS_WAITING: Final = Gauge("flowport_executor_sandbox_waiting", "Scripts that wait for a process.", ["language"])
SCRIPTS_REFUSED: Final = Counter(
    "flowport_executor_sandbox_refused_total", "Scripts refused because no process became free.", ["language"]
)


def count_end(mode: RunMode, outcome: RunOutcome) -> None:
    """A run ended here as `outcome` says."""
    RUNS.labels(mode, outcome.status).inc()
    RUN_SECONDS.labels(mode).observe(outcome.duration_ms / 1000)
