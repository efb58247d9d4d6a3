"""Messages from the broker, assembled from method, header and body frames."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flowport_amqp import properties
from flowport_amqp.errors import ProtocolError
from flowport_amqp.wire import Value

BODY_MAX: Final = 16 * 1024 * 1024
"""RabbitMQ's default limit of one message."""
CONTENT_HEADER_MIN: Final = 14
"""Class, weight, size and flags."""

_SIZE: Final = struct.Struct(">Q")
_SIZE_OFFSET: Final = 4
_TAG_AND_REDELIVERED: Final = struct.Struct(">QB")
_CONSUMER_TAG_OFFSET: Final = 4


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One delivery. Its headers are decoded on demand, because that is slow."""

    tag: int
    redelivered: bool
    body: bytes
    content_header: bytes

    @property
    def headers(self) -> dict[str, Value]:
        """Return the message headers. Raises ProtocolError."""
        if not properties.has_headers(self.content_header):
            return {}
        return properties.decode(self.content_header).headers


def read_deliver(method: bytes) -> tuple[bytes, int, bool]:
    """Return consumer tag, delivery tag and redelivered flag of a basic.deliver. Raises ProtocolError."""
    start = _CONSUMER_TAG_OFFSET + 1
    try:
        stop = start + method[_CONSUMER_TAG_OFFSET]
        tag, redelivered = _TAG_AND_REDELIVERED.unpack_from(method, stop)
    except (IndexError, struct.error):
        raise ProtocolError("truncated basic.deliver") from None
    return method[start:stop], tag, bool(redelivered & 1)


class ContentReader:
    """Assembles one message and passes it to `on_content(method, content_header, body)`."""

    def __init__(self, on_content: Callable[[bytes, bytes, bytes], None]) -> None:
        self._on_content = on_content
        self._method = b""
        self._header = b""
        self._missing = 0
        self._parts: list[bytes] = []

    @property
    def is_idle(self) -> bool:
        """Return whether no message is being assembled."""
        return not self._method

    def begin(self, method: bytes) -> None:
        """Start a message with its method."""
        self._method = method

    def header(self, payload: bytes) -> None:
        """Add the header frame, which has the body size. Raises ProtocolError."""
        if not self._method or self._header:
            raise ProtocolError("unexpected content header")
        if len(payload) < CONTENT_HEADER_MIN:
            raise ProtocolError("truncated content header")
        self._missing = _SIZE.unpack_from(payload, _SIZE_OFFSET)[0]
        if self._missing > BODY_MAX:
            raise ProtocolError(f"message of {self._missing} bytes exceeds the limit of {BODY_MAX}")
        self._header = payload
        if not self._missing:
            self._finish(b"")

    def body(self, payload: bytes) -> None:
        """Add a body frame. Raises ProtocolError."""
        if not self._header or len(payload) > self._missing:
            raise ProtocolError("unexpected body frame")
        self._missing -= len(payload)
        if not self._missing and not self._parts:
            self._finish(payload)
            return
        self._parts.append(payload)
        if not self._missing:
            self._finish(b"".join(self._parts))

    def _finish(self, body: bytes) -> None:
        method, header = self._method, self._header
        self._method, self._header = b"", b""
        self._parts = []
        self._on_content(method, header, body)
