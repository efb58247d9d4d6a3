"""A scripted AMQP broker, and connections to it."""
