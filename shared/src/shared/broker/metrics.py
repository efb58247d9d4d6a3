"""What only the client of a broker can count; depths and rates are RabbitMQ's own metrics."""

from prometheus_client import Counter

CONNECTIONS_LOST = Counter("flowport_broker_connections_lost_total", "Broker connections that broke.", ["connection"])
UNREADABLE = Counter("flowport_broker_unreadable_total", "Bodies that were no message of ours.", ["queue"])
