"""RabbitMQ adapter of the ports, on aio-pika."""
