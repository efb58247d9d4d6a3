"""Client-side metrics of the store."""

from prometheus_client import Counter, Histogram
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

COMMAND_SECONDS = Histogram(
    "flowport_store_command_seconds",
    "Time until the store responded, by command.",
    ["command"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FAILURES = Counter(
    "flowport_store_failures_total", "Store calls that failed or got no response, after the driver's retries."
)
_MICROSECONDS = 1_000_000


class CommandTimes(CommandListener):
    """Listener that times the commands."""

    def started(self, event: CommandStartedEvent) -> None:
        """Do nothing."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Record the duration."""
        COMMAND_SECONDS.labels(event.command_name).observe(event.duration_micros / _MICROSECONDS)

    def failed(self, event: CommandFailedEvent) -> None:
        """Do nothing: callers count failures. An unavailable store gets no command."""
