"""RabbitMQ behind the ports: reconnecting, declaring, translating. The protocol itself is `flowport_amqp`."""
