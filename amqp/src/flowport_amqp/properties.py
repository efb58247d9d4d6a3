"""Message properties: those that this client writes, and the headers of received messages."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from flowport_amqp.wire import Reader, Value, short_string

TRANSIENT: Final = 1
PERSISTENT: Final = 2

_CONTENT_TYPE: Final = 1 << 15
_CONTENT_ENCODING: Final = 1 << 14
_HEADERS: Final = 1 << 13
_DELIVERY_MODE: Final = 1 << 12
_PRIORITY: Final = 1 << 11
_CORRELATION_ID: Final = 1 << 10
_REPLY_TO: Final = 1 << 9
_EXPIRATION: Final = 1 << 8
_MESSAGE_ID: Final = 1 << 7
_FLAGS: Final = struct.Struct(">H")
_JSON: Final = short_string("application/json")
_CONTENT_HEADER_SIZE: Final = 12


def encode(*, delivery_mode: int, expiration_ms: int | None = None, message_id: str | None = None) -> bytes:
    """Encode the properties of a JSON message."""
    fields = _encode_common(delivery_mode, expiration_ms, has_message_id=message_id is not None)
    return fields if message_id is None else fields + short_string(message_id)


@lru_cache(maxsize=256)
def _encode_common(delivery_mode: int, expiration_ms: int | None, *, has_message_id: bool) -> bytes:
    """Encode everything but the message id, which is last."""
    flags = _CONTENT_TYPE | _DELIVERY_MODE
    fields = _JSON + bytes((delivery_mode,))
    if expiration_ms is not None:
        flags |= _EXPIRATION
        fields += short_string(str(expiration_ms))
    if has_message_id:
        flags |= _MESSAGE_ID
    return _FLAGS.pack(flags) + fields


@dataclass(frozen=True, slots=True)
class Properties:
    """Decoded message properties."""

    headers: dict[str, Value]
    message_id: str | None


def decode(content_header: bytes) -> Properties:
    """Decode a content header, whose fields are in the order of their flags. Raises ProtocolError."""
    reader = Reader(content_header, _CONTENT_HEADER_SIZE)
    flags = reader.short()
    for flag in (_CONTENT_TYPE, _CONTENT_ENCODING):
        if flags & flag:
            reader.short_string()
    headers = reader.table() if flags & _HEADERS else {}
    for flag in (_DELIVERY_MODE, _PRIORITY):
        if flags & flag:
            reader.octet()
    for flag in (_CORRELATION_ID, _REPLY_TO, _EXPIRATION):
        if flags & flag:
            reader.short_string()
    message_id = reader.short_string() if flags & _MESSAGE_ID else None
    return Properties(headers, message_id)


def has_headers(content_header: bytes) -> bool:
    """Return whether the message has headers, without decoding them."""
    return bool(content_header[_CONTENT_HEADER_SIZE] & _HEADERS >> 8)
