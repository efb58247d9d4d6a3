"""What an executor tells Prometheus about its work."""

from prometheus_client import Counter, Gauge

RUNS = Counter("flowport_executor_runs_total", "Runs ended.", ["mode", "status"])
SLOTS_BUSY = Gauge("flowport_executor_slots_busy", "Runs in hand.", ["kind"])
CLAIMS = Counter("flowport_executor_claims_total", "Dispatched runs asked for.", ["result"])
