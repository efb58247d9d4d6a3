"""aio-pika as the client of the RabbitMQ adapter: plain connections, which `shared.broker.rabbitmq.kept` reopens."""
