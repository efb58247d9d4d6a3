"""A small AMQP 0-9-1 client for asyncio: exactly what the adapter needs, one system call per turn of the loop.

It knows the protocol and nothing of our messages. It never reconnects: a connection or channel lives once, and says
when it is over. Why it exists stands in docs/adr.
"""
