"""RabbitMQ adapter of the ports: reconnects, declares, translates. `flowport_amqp` implements the protocol."""
