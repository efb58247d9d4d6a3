"""The zygote: loads V8 once, gives up its rights, then forks a warm process for each script.

Its parent speaks to it over a packet socket. `S`, an id and a passed socket: fork a child that serves this socket. `K`
and an id: kill that child. Back go JSON once, with the layers in force or why there are none, and the id, wait status
and peak memory in KiB of each child that has ended. When the parent has gone the zygote ends, and its children with it.
"""

import gc
import json
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from . import confine, script, seccomp
from .v8 import Isolate, load

COMMAND = struct.Struct(">cQ")
EXIT = struct.Struct(">QiQ")


class Options(NamedTuple):
    """What the parent sets."""

    v8_folder: str
    heap_bytes: int
    data_bytes: int
    cpu_seconds: int
    max_result_chars: int
    max_stdout_chars: int
    max_fetches: int


class Child(NamedTuple):
    number: int
    pid: int


class Zygote:
    def __init__(self, control: socket.socket, options: Options) -> None:
        self._control = control
        self._options = options
        self._library = load(Path(options.v8_folder), heap_mib=options.heap_bytes * 3 // 2 >> 20)
        self._harness = _harness(options)
        self._filter = seccomp.javascript_filter()
        self._memory = confine.data_in_use() + options.data_bytes
        self._children: dict[int, Child] = {}
        self._handles: dict[int, int] = {}
        self._poll = select.poll()

    def run(self) -> None:
        # V8 keeps its read-only heap, and Python its objects, in pages that every child then shares.
        model = Isolate(self._library, heap_limit=self._options.heap_bytes)
        model.evaluate(self._harness)
        gc.collect()
        gc.freeze()
        self._poll.register(self._control, select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor != self._control.fileno():
                    self._reap(descriptor)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, COMMAND.size, 1)
        if not message:
            return False
        kind, number = COMMAND.unpack(message)
        if kind == b"S":
            self._fork(number, descriptors[0])
        elif number in self._handles:
            signal.pidfd_send_signal(self._handles[number], signal.SIGKILL)
        return True

    def _fork(self, number: int, descriptor: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_script(descriptor)
        os.close(descriptor)
        handle = os.pidfd_open(pid)
        self._handles[number], self._children[handle] = handle, Child(number, pid)
        self._poll.register(handle, select.POLLIN)

    def _become_script(self, descriptor: int) -> None:
        try:
            confine.leave_parent(keep=descriptor)
            script.serve(
                socket.socket(fileno=descriptor),
                self._library,
                self._harness,
                heap_limit=self._options.heap_bytes,
                lock_down=self._lock_down,
            )
        finally:
            os._exit(1)

    def _lock_down(self) -> None:
        confine.limit(memory=self._memory, cpu_seconds=self._options.cpu_seconds)
        seccomp.install(self._filter)

    def _reap(self, handle: int) -> None:
        number, pid = self._children.pop(handle)
        _, status, usage = os.wait4(pid, 0)
        del self._handles[number]
        self._poll.unregister(handle)
        os.close(handle)
        self._control.send(EXIT.pack(number, status, usage.ru_maxrss))


def _harness(options: Options) -> str:
    source = Path(__file__).with_name("harness.js").read_text()
    return f"{source}({options.max_result_chars}, {options.max_stdout_chars}, {options.max_fetches})"


def main() -> None:
    """Run with two arguments: the control socket's descriptor and the options as JSON."""
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        zygote = Zygote(control, Options(**json.loads(sys.argv[2])))
        layers = confine.enter()
    except (OSError, KeyError) as error:
        control.send(json.dumps({"refused": f"{type(error).__name__}: {error}"}).encode())
        return
    control.send(json.dumps({"layers": layers}).encode())
    zygote.run()
