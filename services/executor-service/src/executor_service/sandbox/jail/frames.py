"""Frames on a stream socket: four bytes of length, then that many bytes."""

import json
import socket
import struct

_LENGTH = struct.Struct(">I")


def send(connection: socket.socket, frame: bytes) -> None:
    connection.sendall(_LENGTH.pack(len(frame)))
    connection.sendall(frame)


def receive(connection: socket.socket) -> bytes | None:
    """Return the next frame, or None if the peer disconnected."""
    header = _read(connection, _LENGTH.size)
    return None if header is None else _read(connection, _LENGTH.unpack(header)[0])


def _read(connection: socket.socket, size: int) -> bytes | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            return None
        view = view[count:]
    return bytes(buffer)


def message(kind: str, **fields: object) -> bytes:
    """Encode a message as the body of a frame."""
    return json.dumps([{"type": kind, **fields}]).encode()
