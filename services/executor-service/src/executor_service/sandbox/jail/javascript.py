"""JavaScript in the jail: V8 is loaded once; each child warms one isolate and serves the frames of its parent.

A child reads nothing of what passes. Frames go into the harness and the harness's answers come out; the parent trusts
neither.
"""

import json
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from . import confine, frames, seccomp
from .v8 import Handle, Isolate, JavaScriptError, OutOfMemory, load
from .zygote import Zygote, refuse

READY = frames.message("ready")
# The next script gets an isolate of its own.
RENEW = b'{"type":"renew"}'
# Whatever runs first in an isolate compiles the harness and touches its memory: better this than a script that waits.
FIRST_SCRIPT = b'{"type":"run","code":"return 1","bindings":{}}'
_MOST_TASKS = 1024


class Options(NamedTuple):
    """What the parent sets."""

    v8_folder: str
    heap_bytes: int
    data_bytes: int
    cpu_seconds: int
    max_result_chars: int
    max_stdout_chars: int
    max_fetches: int
    needs_namespaces: bool


class JavaScript:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._library = load(Path(options.v8_folder), heap_mib=options.heap_bytes * 3 // 2 >> 20)
        self._harness = _harness(options)
        self._filter = seccomp.javascript_filter()
        self._memory = confine.data_in_use() + options.data_bytes

    def warm(self) -> tuple[Isolate, Handle]:
        """Make an isolate with the harness in it. The zygote keeps one, for its read-only heap: children share it."""
        isolate = Isolate(self._library, heap_limit=self._options.heap_bytes)
        return isolate, isolate.evaluate(self._harness)

    def serve(self, connection: socket.socket) -> None:
        """Warm up, lock the process down, then answer frames until the parent has gone."""
        isolate, door = self._ready()
        try:
            confine.limit(data=self._memory, cpu_seconds=self._options.cpu_seconds, tasks=_MOST_TASKS)
            seccomp.install(self._filter)
        except OSError as error:
            frames.send(connection, frames.message("refused", text=str(error)))
            return
        frames.send(connection, READY)
        while (frame := frames.receive(connection)) is not None:
            if frame == RENEW:
                isolate.close()
                if not confine.has_room(self._options.data_bytes):
                    return
                isolate, door = self._ready()
                frames.send(connection, READY)
            else:
                frames.send(connection, _answer(isolate, door, frame))

    def _ready(self) -> tuple[Isolate, Handle]:
        isolate, door = self.warm()
        _answer(isolate, door, FIRST_SCRIPT)
        return isolate, door


def _answer(isolate: Isolate, door: Handle, frame: bytes) -> bytes:
    try:
        isolate.call(door, frame)
        return isolate.call(door)
    except OutOfMemory:
        return frames.message("exhausted")
    except JavaScriptError as error:
        return frames.message("uncaught", text=str(error)[:20_000])


def _harness(options: Options) -> str:
    source = Path(__file__).with_name("harness.js").read_text()
    return f"{source}({options.max_result_chars}, {options.max_stdout_chars}, {options.max_fetches})"


def main() -> None:
    """Run with two arguments: the control socket's descriptor and the options as JSON."""
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        options = Options(**json.loads(sys.argv[2]))
        javascript = JavaScript(options)
        layers = confine.enter(needs_namespaces=options.needs_namespaces)
    except (OSError, KeyError) as error:
        refuse(control, error)
        return
    model = javascript.warm()
    Zygote(control, javascript.serve).run(layers)
    del model
