"""A jailed process: one V8 isolate that serves the frames of its parent and is then killed.

It reads nothing of what passes. Frames go into the harness and the harness's answers come out; the parent trusts
neither.
"""

import ctypes
import json
import socket
from collections.abc import Callable

from . import frames
from .v8 import Handle, Isolate, JavaScriptError, OutOfMemory

READY = b'[{"type":"ready"}]'


def serve(
    connection: socket.socket, library: ctypes.CDLL, harness: str, *, heap_limit: int, lock_down: Callable[[], None]
) -> None:
    """Warm an isolate, lock the process down, then answer frames until the parent has gone."""
    isolate = Isolate(library, heap_limit=heap_limit)
    door = isolate.evaluate(harness)
    try:
        lock_down()
    except OSError as error:
        frames.send(connection, _message("refused", str(error)))
        return
    frames.send(connection, READY)
    while (frame := frames.receive(connection)) is not None:
        frames.send(connection, _answer(isolate, door, frame))


def _answer(isolate: Isolate, door: Handle, frame: bytes) -> bytes:
    try:
        isolate.call(door, frame)
        return isolate.call(door)
    except OutOfMemory:
        return b'[{"type":"exhausted"}]'
    except JavaScriptError as error:
        return _message("uncaught", str(error)[:20_000])


def _message(kind: str, text: str) -> bytes:
    return json.dumps([{"type": kind, "text": text}]).encode()
