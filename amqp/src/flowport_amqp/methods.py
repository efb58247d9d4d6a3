"""Methods of AMQP 0-9-1 that this client uses."""

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
    """Return the id of a method frame. Raises ProtocolError."""
    if len(payload) < _ID.size:
        raise ProtocolError("truncated method frame")
    identity: int = _ID.unpack_from(payload)[0]
    return identity


def arguments(payload: bytes) -> Reader:
    """Return a reader of the method's arguments."""
    return Reader(payload, _ID.size)


def bare(method: int) -> bytes:
    """Encode a method without arguments."""
    return _ID.pack(method)


def confirmed(payload: bytes) -> tuple[int, int]:
    """Return the delivery tag and the bits of a basic.ack or basic.nack. Raises ProtocolError."""
    try:
        _, tag, bits = _TAG_AND_BIT.unpack_from(payload)
    except struct.error:
        raise ProtocolError("truncated frame") from None
    return tag, bits


def start_ok(client: Table, user: str, password: str) -> bytes:
    """Encode connection.start-ok with the PLAIN mechanism."""
    response = f"\0{user}\0{password}".encode()
    return _ID.pack(CONNECTION_START_OK) + table(client) + short_string("PLAIN") + long_string(response) + b"\5en_US"


def tune_ok(channel_max: int, frame_max: int, heartbeat: int) -> bytes:
    """Encode connection.tune-ok."""
    return _TUNE.pack(CONNECTION_TUNE_OK, channel_max, frame_max, heartbeat)


def open_connection(virtual_host: str) -> bytes:
    """Encode connection.open."""
    return _ID.pack(CONNECTION_OPEN) + short_string(virtual_host) + b"\0\0"


def close(method: int) -> bytes:
    """Encode CONNECTION_CLOSE or CHANNEL_CLOSE without an error."""
    return _ID.pack(method) + struct.pack(">H", 200) + short_string("bye") + b"\0\0\0\0"


def open_channel() -> bytes:
    """Encode channel.open."""
    return _ID.pack(CHANNEL_OPEN) + b"\0"


def declare_exchange(name: str, kind: str, *, durable: bool) -> bytes:
    """Encode exchange.declare."""
    names = short_string(name) + short_string(kind)
    return _ID.pack(EXCHANGE_DECLARE) + b"\0\0" + names + _bits(False, durable) + table({})


def delete_exchange(name: str) -> bytes:
    """Encode exchange.delete."""
    return _ID.pack(EXCHANGE_DELETE) + b"\0\0" + short_string(name) + _bits()


def declare_queue(name: str, options: Table, *, passive: bool, durable: bool, private: bool) -> bytes:
    """Encode queue.declare. `passive` only checks that the queue exists.

    A `private` queue is exclusive and deleted with its consumer.
    """
    bits = _bits(passive, durable, private, private)
    return _ID.pack(QUEUE_DECLARE) + b"\0\0" + short_string(name) + bits + table(options)


def bind_queue(queue: str, exchange: str, routing_key: str) -> bytes:
    """Encode queue.bind."""
    names = short_string(queue) + short_string(exchange) + short_string(routing_key)
    return _ID.pack(QUEUE_BIND) + b"\0\0" + names + _bits() + table({})


def delete_queue(name: str) -> bytes:
    """Encode queue.delete. Quorum queues reject the conditional forms."""
    return _ID.pack(QUEUE_DELETE) + b"\0\0" + short_string(name) + _bits()


def qos(prefetch: int) -> bytes:
    """Encode basic.qos: the limit of unacknowledged deliveries of each consumer."""
    return struct.pack(">IIHB", BASIC_QOS, 0, prefetch, 0)


def consume(queue: str, tag: str, *, no_ack: bool, exclusive: bool) -> bytes:
    """Encode basic.consume."""
    names = short_string(queue) + short_string(tag)
    return _ID.pack(BASIC_CONSUME) + b"\0\0" + names + _bits(False, no_ack, exclusive) + table({})


def cancel(tag: str) -> bytes:
    """Encode basic.cancel."""
    return _ID.pack(BASIC_CANCEL) + short_string(tag) + _bits()


def ack(tag: int) -> bytes:
    """Encode basic.ack."""
    return _TAG_AND_BIT.pack(BASIC_ACK, tag, 0)


def reject(tag: int, *, requeue: bool) -> bytes:
    """Encode basic.reject, which requeues or dead-letters a delivery.

    Not basic.nack: since RabbitMQ 4.3 a requeueing nack does not count towards the delivery limit.
    """
    return _TAG_AND_BIT.pack(BASIC_REJECT, tag, requeue)


def select_confirms() -> bytes:
    """Encode confirm.select."""
    return _ID.pack(CONFIRM_SELECT) + _bits()


@lru_cache(maxsize=4096)
def publish(exchange: str, routing_key: str, *, mandatory: bool) -> bytes:
    """Encode basic.publish. A header and a body follow."""
    names = short_string(exchange) + short_string(routing_key)
    return _ID.pack(BASIC_PUBLISH) + b"\0\0" + names + _bits(mandatory)


def content_header(body_size: int, properties: bytes) -> bytes:
    """Encode the content header of a message."""
    return _CONTENT.pack(_BASIC, 0, body_size) + properties


def _bits(*flags: bool) -> bytes:
    return bytes((sum(flag << position for position, flag in enumerate(flags)),))
