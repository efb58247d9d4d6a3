"""The methods of AMQP 0-9-1 that this client sends and understands."""

import struct
from functools import lru_cache
from typing import Final

from flowport_amqp.errors import ProtocolError
from flowport_amqp.wire import Reader, Table, long_string, short_string, table


def _id(class_id: int, method_id: int) -> int:
    return class_id << 16 | method_id


CONNECTION_START: Final = _id(10, 10)
CONNECTION_START_OK: Final = _id(10, 11)
CONNECTION_TUNE: Final = _id(10, 30)
CONNECTION_TUNE_OK: Final = _id(10, 31)
CONNECTION_OPEN: Final = _id(10, 40)
CONNECTION_OPEN_OK: Final = _id(10, 41)
CONNECTION_CLOSE: Final = _id(10, 50)
CONNECTION_CLOSE_OK: Final = _id(10, 51)
CONNECTION_BLOCKED: Final = _id(10, 60)
CONNECTION_UNBLOCKED: Final = _id(10, 61)
CHANNEL_OPEN: Final = _id(20, 10)
CHANNEL_OPEN_OK: Final = _id(20, 11)
CHANNEL_CLOSE: Final = _id(20, 40)
CHANNEL_CLOSE_OK: Final = _id(20, 41)
EXCHANGE_DECLARE: Final = _id(40, 10)
EXCHANGE_DECLARE_OK: Final = _id(40, 11)
EXCHANGE_DELETE: Final = _id(40, 20)
EXCHANGE_DELETE_OK: Final = _id(40, 21)
QUEUE_DECLARE: Final = _id(50, 10)
QUEUE_DECLARE_OK: Final = _id(50, 11)
QUEUE_BIND: Final = _id(50, 20)
QUEUE_BIND_OK: Final = _id(50, 21)
QUEUE_DELETE: Final = _id(50, 40)
QUEUE_DELETE_OK: Final = _id(50, 41)
BASIC_QOS: Final = _id(60, 10)
BASIC_QOS_OK: Final = _id(60, 11)
BASIC_CONSUME: Final = _id(60, 20)
BASIC_CONSUME_OK: Final = _id(60, 21)
BASIC_CANCEL: Final = _id(60, 30)
BASIC_CANCEL_OK: Final = _id(60, 31)
BASIC_PUBLISH: Final = _id(60, 40)
BASIC_RETURN: Final = _id(60, 50)
BASIC_DELIVER: Final = _id(60, 60)
BASIC_ACK: Final = _id(60, 80)
BASIC_REJECT: Final = _id(60, 90)
BASIC_NACK: Final = _id(60, 120)
CONFIRM_SELECT: Final = _id(85, 10)
CONFIRM_SELECT_OK: Final = _id(85, 11)

_ID: Final = struct.Struct(">I")
_TUNE: Final = struct.Struct(">IHIH")
_TAG_AND_BIT: Final = struct.Struct(">IQB")
_CONTENT: Final = struct.Struct(">HHQ")
_BASIC: Final = 60


def method_id(payload: bytes) -> int:
    """Which method a method frame carries. Raises ProtocolError."""
    if len(payload) < _ID.size:
        raise ProtocolError("a method frame without a method")
    identity: int = _ID.unpack_from(payload)[0]
    return identity


def arguments(payload: bytes) -> Reader:
    """The arguments behind the method's id."""
    return Reader(payload, _ID.size)


def bare(method: int) -> bytes:
    """A method without arguments."""
    return _ID.pack(method)


def start_ok(client: Table, user: str, password: str) -> bytes:
    """Say who we are, by the PLAIN mechanism."""
    response = f"\0{user}\0{password}".encode()
    return _ID.pack(CONNECTION_START_OK) + table(client) + short_string("PLAIN") + long_string(response) + b"\5en_US"


def tune_ok(channel_max: int, frame_max: int, heartbeat: int) -> bytes:
    """Settle the limits."""
    return _TUNE.pack(CONNECTION_TUNE_OK, channel_max, frame_max, heartbeat)


def open_connection(virtual_host: str) -> bytes:
    """Enter a virtual host."""
    return _ID.pack(CONNECTION_OPEN) + short_string(virtual_host) + b"\0\0"


def close(method: int) -> bytes:
    """CONNECTION_CLOSE or CHANNEL_CLOSE without a complaint."""
    return _ID.pack(method) + struct.pack(">H", 200) + short_string("bye") + b"\0\0\0\0"


def open_channel() -> bytes:
    """Begin a channel."""
    return _ID.pack(CHANNEL_OPEN) + b"\0"


def declare_exchange(name: str, kind: str, *, durable: bool) -> bytes:
    """Make an exchange, or check that it is the same."""
    names = short_string(name) + short_string(kind)
    return _ID.pack(EXCHANGE_DECLARE) + b"\0\0" + names + _bits(False, durable) + table({})


def delete_exchange(name: str) -> bytes:
    """Remove an exchange."""
    return _ID.pack(EXCHANGE_DELETE) + b"\0\0" + short_string(name) + _bits()


def declare_queue(name: str, options: Table, *, passive: bool, durable: bool, private: bool) -> bytes:
    """Make a queue, or check that it is the same. `passive` only asks whether it is there.

    A `private` one is exclusive and gone with its consumer.
    """
    bits = _bits(passive, durable, private, private)
    return _ID.pack(QUEUE_DECLARE) + b"\0\0" + short_string(name) + bits + table(options)


def bind_queue(queue: str, exchange: str, routing_key: str) -> bytes:
    """Let an exchange feed a queue."""
    names = short_string(queue) + short_string(exchange) + short_string(routing_key)
    return _ID.pack(QUEUE_BIND) + b"\0\0" + names + _bits() + table({})


def delete_queue(name: str) -> bytes:
    """Remove a queue, whatever is in it. (A quorum queue refuses the conditional forms.)"""
    return _ID.pack(QUEUE_DELETE) + b"\0\0" + short_string(name) + _bits()


def qos(prefetch: int) -> bytes:
    """How many unsettled deliveries each consumer of the channel may hold."""
    return struct.pack(">IIHB", BASIC_QOS, 0, prefetch, 0)


def consume(queue: str, tag: str, *, no_ack: bool, exclusive: bool) -> bytes:
    """Begin to receive."""
    names = short_string(queue) + short_string(tag)
    return _ID.pack(BASIC_CONSUME) + b"\0\0" + names + _bits(False, no_ack, exclusive) + table({})


def cancel(tag: str) -> bytes:
    """Stop receiving."""
    return _ID.pack(BASIC_CANCEL) + short_string(tag) + _bits()


def ack(tag: int) -> bytes:
    """This delivery is done."""
    return _TAG_AND_BIT.pack(BASIC_ACK, tag, 0)


def reject(tag: int, *, requeue: bool) -> bytes:
    """This delivery goes back, or to the dead letters.

    Not basic.nack: from RabbitMQ 4.3 on a requeueing nack no longer counts towards the delivery limit.
    """
    return _TAG_AND_BIT.pack(BASIC_REJECT, tag, requeue)


def select_confirms() -> bytes:
    """Have every publish confirmed."""
    return _ID.pack(CONFIRM_SELECT) + _bits()


@lru_cache(maxsize=4096)
def publish(exchange: str, routing_key: str, *, mandatory: bool) -> bytes:
    """Announce a message; a header and a body follow."""
    names = short_string(exchange) + short_string(routing_key)
    return _ID.pack(BASIC_PUBLISH) + b"\0\0" + names + _bits(mandatory)


def content_header(body_size: int, properties: bytes) -> bytes:
    """What goes between the publish and its body."""
    return _CONTENT.pack(_BASIC, 0, body_size) + properties


def _bits(*flags: bool) -> bytes:
    return bytes((sum(flag << position for position, flag in enumerate(flags)),))
