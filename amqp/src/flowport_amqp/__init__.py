"""AMQP 0-9-1 client for asyncio that writes once per turn of the event loop.

It implements the protocol and knows nothing of Flowport's messages. It does not reconnect: a connection or channel ends
once, and `closed` holds the reason. docs/adr/0001 explains why it exists.
"""
