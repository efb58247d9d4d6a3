"""Frames: encoding, and decoding of the byte stream."""

import struct
from collections.abc import Callable
from typing import Final

from flowport_amqp.errors import ProtocolError

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8

FRAME_MAX: Final = 131_072
"""The largest frame that the client accepts; RabbitMQ's default."""
OVERHEAD: Final = 8
PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"

_PREFIX: Final = struct.Struct(">BHI")
_END: Final = 0xCE
_END_BYTE: Final = b"\xce"


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return an encoded frame."""
    return _PREFIX.pack(kind, channel, len(payload)) + payload + _END_BYTE


HEARTBEAT_FRAME: Final = frame(HEARTBEAT, 0, b"")


def body_frames(channel: int, body: bytes, frame_max: int) -> bytes:
    """Return the body frames of a message, none if the body is empty."""
    step = frame_max - OVERHEAD
    if 0 < len(body) <= step:
        return frame(BODY, channel, body)
    return b"".join(frame(BODY, channel, body[start : start + step]) for start in range(0, len(body), step))


class FrameReader:
    """Decodes frames and passes them to `on_frame(kind, channel, payload)`.

    Holds at most one incomplete frame. Raises ProtocolError for invalid frames.
    """

    def __init__(self, on_frame: Callable[[int, int, bytes], None], *, frame_max: int = FRAME_MAX) -> None:
        self._on_frame = on_frame
        self._payload_max = frame_max - OVERHEAD
        self._held: list[bytes] = []
        self._held_size = 0
        self._needed = 0
        self._stopped = False

    def stop(self) -> None:
        """Discard everything received from now on, including buffered data."""
        self._stopped = True

    def feed(self, data: bytes) -> None:
        """Process received bytes."""
        if self._held:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size < self._needed:
                return
            data = b"".join(self._held)
            self._held.clear()
        rest = self._decode(data)
        if rest < len(data):
            self._held = [data[rest:]]
            self._held_size = len(data) - rest

    def _decode(self, data: bytes) -> int:
        """Pass on every complete frame, and return the offset of the incomplete one."""
        offset, end, on_frame = 0, len(data), self._on_frame
        self._needed = _PREFIX.size
        while end - offset >= _PREFIX.size and not self._stopped:
            kind, channel, size = _PREFIX.unpack_from(data, offset)
            if size > self._payload_max:
                raise ProtocolError(f"frame of {size} bytes exceeds the limit of {self._payload_max}")
            start = offset + _PREFIX.size
            stop = start + size
            if stop >= end:
                self._needed = size + OVERHEAD
                break
            if data[stop] != _END:
                raise ProtocolError("frame without end marker")
            on_frame(kind, channel, data[start:stop])
            offset = stop + 1
        return end if self._stopped else offset
