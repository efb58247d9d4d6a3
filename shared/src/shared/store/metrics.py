"""How long the store takes, as its client sees it."""

from prometheus_client import Counter, Histogram
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

COMMAND_SECONDS = Histogram(
    "flowport_store_command_seconds",
    "Time until the store answered, by command.",
    ["command"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FAILURES = Counter(
    "flowport_store_failures_total", "Calls that the store failed or did not answer, after the driver's own retries."
)
_MICROSECONDS = 1_000_000


class CommandTimes(CommandListener):
    """Observes every command of a client."""

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing to do yet."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """The store answered."""
        COMMAND_SECONDS.labels(event.command_name).observe(event.duration_micros / _MICROSECONDS)

    def failed(self, event: CommandFailedEvent) -> None:
        """Counted where the call ends: to a store that is away, no command is ever sent."""
