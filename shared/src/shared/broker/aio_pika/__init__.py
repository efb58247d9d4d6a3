"""aio-pika as the RabbitMQ adapter's client: plain connections, which `shared.broker.rabbitmq.reconnecting` reopens."""
