"""What jobs-service tells Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge

QUEUED: Final = Gauge("flowport_jobs_queued_runs", "Runs accepted and not begun; only the leading dispatcher tells.")
OLDEST_SECONDS: Final = Gauge("flowport_jobs_oldest_waiting_seconds", "Age of the oldest run that waits.")
ACCEPTED: Final = Counter("flowport_jobs_accepted_total", "Durable runs stored.")
REFUSALS: Final = Counter("flowport_jobs_refusals_total", "Durable runs refused because the queue was full.")
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
RECORDS: Final = Counter("flowport_jobs_records_total", "Records of attached runs stored.")
