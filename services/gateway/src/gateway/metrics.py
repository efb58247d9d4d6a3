"""What an operator can see of the gateway."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.contracts.runs import RunMode
from shared.errors import AtCapacity, FlowportError, FullQueue

WORKSPACE_FULL: Final = "WORKSPACE_QUEUE_AT_CAPACITY"

CALLS_IN_HAND = Gauge("flowport_gateway_calls_in_hand", "Execute calls that hold a place in the admission gate.")
RUNS = Counter("flowport_gateway_runs_total", "Runs that callers asked for, by how they ended.", ["mode", "outcome"])
FIRST_TOKEN = Histogram(
    "flowport_gateway_first_token_seconds",
    "Time from the start of a streamed run to its first text.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
STREAM_GAPS = Counter("flowport_gateway_stream_gaps_total", "Streams that ended because events were missing.")
LOOKUPS = Counter(
    "flowport_gateway_lookups_total",
    "Look-ups of keys, sessions, workspaces and live versions: answered from memory, from their store, or not at all.",
    ["what", "result"],
)
WORKSPACE_RUNS = Counter(
    "flowport_gateway_workspace_runs_total",
    "Runs that were begun; only with FLOWPORT_METRICS_BY_WORKSPACE.",
    ["workspace", "mode"],
)
SLOW_READERS = Counter("flowport_gateway_slow_readers_total", "Streams closed because the caller did not read.")
STRAY_RUNS = Counter("flowport_gateway_stray_runs_total", "Cancels sent for runs that nobody waits for.")
REFUSALS = Counter("flowport_gateway_refusals_total", "Execute calls refused before a run began.", ["code"])
RATE_UNCHECKED = Counter(
    "flowport_gateway_rate_unchecked_total", "Calls let through because the store of the rate limits did not answer."
)
MAILS = Counter("flowport_gateway_mails_total", "Mails with codes for chats, by what became of them.", ["outcome"])
_by_workspace = False

# There from the start, since the first of them counts: to Prometheus, what begins at 1 has not increased.
LOOKUPS.labels("keys", "failure")
REFUSALS.labels("ADMISSION_GATE_CAPACITY")


def expose_error_codes(codes: Iterable[str]) -> None:
    """Start the series of these error codes at 0, so that alerts see the first error."""
    for code in codes:
        REFUSALS.labels(code)
        RUNS.labels(RunMode.STREAM, code.lower())


def count_by_workspace(wanted: bool) -> None:
    """Whether runs are counted for each workspace too: one series for each that runs something."""
    global _by_workspace  # noqa: PLW0603 - one set of metrics per process
    _by_workspace = wanted


def count_refusal(error: FlowportError) -> None:
    """An execute call was refused. That one workspace is at its own limit is an answer, not a failure of ours."""
    is_own_limit = isinstance(error, AtCapacity) and error.full_queue is FullQueue.WORKSPACE
    REFUSALS.labels(WORKSPACE_FULL if is_own_limit else error.code).inc()


def count_run(workspace_id: str, mode: str) -> None:
    """A run is about to begin."""
    if _by_workspace:
        WORKSPACE_RUNS.labels(workspace_id, mode).inc()
