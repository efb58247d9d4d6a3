"""Metrics of the gateway."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.contracts.runs import RunMode
from shared.errors import AtCapacity, FlowportError, FullQueue

WORKSPACE_FULL: Final = "WORKSPACE_QUEUE_AT_CAPACITY"

CALLS_IN_FLIGHT = Gauge("flowport_gateway_calls_in_hand", "Execute calls that hold a slot in the admission gate.")
RUNS = Counter("flowport_gateway_runs_total", "Runs requested by callers, by outcome.", ["mode", "outcome"])
FIRST_TOKEN = Histogram(
    "flowport_gateway_first_token_seconds",
    "Time from the start of a streamed run to its first text.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
STREAM_GAPS = Counter("flowport_gateway_stream_gaps_total", "Streams that ended because events were missing.")
LOOKUPS = Counter(
    "flowport_gateway_lookups_total",
    "Lookups of keys, sessions, workspaces and live versions: served from memory, loaded from the store, or failed.",
    ["what", "result"],
)
WORKSPACE_RUNS = Counter(
    "flowport_gateway_workspace_runs_total",
    "Runs started; only with FLOWPORT_METRICS_BY_WORKSPACE.",
    ["workspace", "mode"],
)
SLOW_READERS = Counter("flowport_gateway_slow_readers_total", "Streams closed because the client did not read.")
STRAY_RUNS = Counter("flowport_gateway_stray_runs_total", "Cancels sent for runs without a caller.")
REFUSALS = Counter("flowport_gateway_refusals_total", "Execute calls refused before a run started.", ["code"])
RATE_UNCHECKED = Counter(
    "flowport_gateway_rate_unchecked_total", "Calls allowed because the rate limit store did not respond."
)
MAILS = Counter("flowport_gateway_mails_total", "Emails with chat codes, by outcome.", ["outcome"])
ended_runs = cache(RUNS.labels)
_by_workspace = False

# Start at 0, so that alerts see the first one: Prometheus sees no increase in a series that begins at 1.
LOOKUPS.labels("keys", "failure")
REFUSALS.labels("ADMISSION_GATE_CAPACITY")


def expose_error_codes(codes: Iterable[str]) -> None:
    """Start the series of these error codes at 0, so that alerts see the first error."""
    for code in codes:
        REFUSALS.labels(code)
        RUNS.labels(RunMode.STREAM, code.lower())


def count_by_workspace(enabled: bool) -> None:
    """Set whether to count runs per workspace as well, in one series per active workspace."""
    global _by_workspace  # noqa: PLW0603 - one set of metrics per process
    _by_workspace = enabled


def count_refusal(error: FlowportError) -> None:
    """Count a refused execute call. A workspace at its own limit has its own code: it is no failure of ours."""
    is_own_limit = isinstance(error, AtCapacity) and error.full_queue is FullQueue.WORKSPACE
    REFUSALS.labels(WORKSPACE_FULL if is_own_limit else error.code).inc()


def count_run(workspace_id: str, mode: str) -> None:
    """Count a run that starts."""
    if _by_workspace:
        WORKSPACE_RUNS.labels(workspace_id, mode).inc()
