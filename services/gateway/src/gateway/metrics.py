"""What an operator can see of the gateway."""

from prometheus_client import Counter, Gauge, Histogram

CALLS_IN_HAND = Gauge("flowport_gateway_calls_in_hand", "Execute calls that hold a place in the admission gate.")
RUNS = Counter("flowport_gateway_runs_total", "Runs that callers asked for, by how they ended.", ["mode", "outcome"])
FIRST_TOKEN = Histogram(
    "flowport_gateway_first_token_seconds",
    "Time from the start of a streamed run to its first text.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
STREAM_GAPS = Counter("flowport_gateway_stream_gaps_total", "Streams that ended because events were missing.")
SLOW_READERS = Counter("flowport_gateway_slow_readers_total", "Streams closed because the caller did not read.")
STRAY_RUNS = Counter("flowport_gateway_stray_runs_total", "Cancels sent for runs that nobody waits for.")
REFUSALS = Counter("flowport_gateway_refusals_total", "Execute calls refused before a run began.", ["code"])
RATE_UNCHECKED = Counter(
    "flowport_gateway_rate_unchecked_total", "Calls let through because the store of the rate limits did not answer."
)
