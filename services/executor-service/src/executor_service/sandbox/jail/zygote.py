"""The zygote: a confined process, warm with an engine, that forks a child for each script.

Its parent uses a packet socket. `S`, an id and a passed socket: fork a child that serves this socket. `K` and an id:
kill that child. The zygote replies with JSON once, with the active layers or why there are none, and with the id, wait
status and peak memory in KiB of each ended child. When the parent disconnects, the zygote and its children end.

Where the host grants namespaces, each child runs in a separate PID namespace, where it cannot address other processes.
"""

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple

from . import confine

COMMAND = struct.Struct(">cQ")
EXIT = struct.Struct(">QiQ")
_NEVER_STARTED = 1 << 8


class Child(NamedTuple):
    number: int
    pid: int


class Zygote:
    """`serve` handles a child's socket until the child is killed."""

    def __init__(self, control: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        self._control = control
        self._serve = serve
        self._handlers: dict[int, Callable[[], None]] = {}
        """Handlers of descriptors other than the control socket."""
        self._children: dict[int, Child] = {}
        self._handles: dict[int, int] = {}
        self._poll = select.poll()
        self._home: int | None = None

    def run(self, layers: list[str]) -> None:
        """Report readiness, then serve until the parent disconnects."""
        if confine.OWN_PROCESSES in layers:
            self._home = os.pidfd_open(os.getpid())
        let_others_finish()
        gc.collect()
        gc.freeze()
        self._control.send(json.dumps({"layers": layers}).encode())
        self.serve()

    def serve(self) -> None:
        """Serve until the parent disconnects."""
        self._poll.register(self._control, select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._control.fileno():
                    if not self._handle_command():
                        return
                elif handler := self._handlers.get(descriptor):
                    handler()

    def watch(self, descriptor: int, handler: Callable[[], None]) -> None:
        """Call the handler when the descriptor is readable or its peer has closed it."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Unwatch and close the descriptor."""
        del self._handlers[descriptor]
        self._poll.unregister(descriptor)
        os.close(descriptor)

    def on_forked(self, pid: int) -> None:
        """Hook for subclasses: called with each new child."""

    def _handle_command(self) -> bool:
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
        try:
            pid = os.fork() if self._home is None else confine.fork_in_own_namespace(self._home)
        except OSError:  # out of processes or memory: only this child fails
            os.close(descriptor)
            self._control.send(EXIT.pack(number, _NEVER_STARTED, 0))
            return
        if pid == 0:
            self._become_child(descriptor)
        os.close(descriptor)
        handle = os.pidfd_open(pid)
        self._handles[number], self._children[handle] = handle, Child(number, pid)
        self.watch(handle, lambda: self._reap(handle))
        self.on_forked(pid)

    def _become_child(self, descriptor: int) -> None:
        try:
            confine.detach_from_parent(keep=(descriptor,))
            self._serve(socket.socket(fileno=descriptor))
        finally:
            os._exit(1)

    def _reap(self, handle: int) -> None:
        number, pid = self._children.pop(handle)
        _, status, usage = os.wait4(pid, 0)
        del self._handles[number]
        self.unwatch(handle)
        self._control.send(EXIT.pack(number, self.reported_status(status, usage), usage.ru_maxrss))

    def reported_status(self, status: int, usage: resource.struct_rusage) -> int:
        """Return the wait status to report, from the real one and what the child used."""
        return status


def let_others_finish() -> None:
    """Let a script that starts wait for the time slice of the process that has sent it, which then starts several."""
    with contextlib.suppress(OSError):  # of kernels without this policy
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def refuse(control: socket.socket, error: Exception) -> None:
    """Report to the parent why the zygote cannot start."""
    control.send(json.dumps({"refused": f"{type(error).__name__}: {error}"}).encode())
