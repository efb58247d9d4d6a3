"""JavaScript in the jail: each child of the zygote becomes a Node process, which serves the frames of its parent.

Node starts threads and cannot be forked once it is warm, so a child installs the filter of system calls and then
executes Node. The filter holds each call that only the start needs for its listener, the zygote, which lets it
continue. When the harness has started it calls `umask`, which nothing else does: the zygote then sets the limits,
answers with `LOCKED` and closes the listener. From then on those calls fail, before any user code is near.
"""

import fcntl
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from . import confine, frames, linux, seccomp
from .zygote import Zygote, refuse

LOCKED = 0o1357
"""Return value of the held `umask` call, which no real umask has."""
_HARNESS = (Path(__file__).with_name("engine.js"), Path(__file__).with_name("harness.js"))
_CONNECTION = 3
_FREE_DESCRIPTORS = 100
_PROGRAM_BYTES = 1 << 30
"""Address space besides data: 600 MiB of code, read-only data, stacks and reservations, and a margin."""
FLAGS = (
    # No JIT: the process then needs no executable memory beyond its program, which the filter enforces.
    "--jitless",
    # V8 works on the main thread, so none has to be started or woken for it.
    "--single-threaded",
    "--v8-pool-size=1",
    # A collection marks in one go: realms that end while marking is under way would all survive it.
    "--no-incremental-marking",
    "--disable-sigusr1",
    # Compiled code would keep the realm of its script alive.
    "--no-compilation-cache",
    # In the main realm: each script's realm allows it again.
    "--disallow-code-generation-from-strings",
    # For the harness to replace those hooks of Node that would hand its own objects to user code.
    "--expose-internals",
    "--no-addons",
    "--no-global-search-paths",
    "--no-warnings",
    "--unhandled-rejections=none",
)
_ENVIRONMENT = {"TZ": "UTC", "LANG": "C.UTF-8", "UV_USE_IO_URING": "0"}


class Options(NamedTuple):
    """Options set by the parent. `files` are the program of Node, followed by its libraries."""

    files: Sequence[str]
    heap_bytes: int
    data_bytes: int
    cpu_seconds: int
    earlier_seconds: float
    max_result_chars: int
    max_stdout_chars: int
    max_fetches: int
    needs_namespaces: bool


class NodeZygote(Zygote):
    """Zygote that watches its children start, and locks each of them down when it is warm."""

    def __init__(self, control: socket.socket, options: Options) -> None:
        super().__init__(control, lambda _: None)
        self._options = options
        self._dev_null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._filter = seccomp.javascript_filter()
        self._lock_call = seccomp.number_of("umask")
        limits = (options.max_result_chars, options.max_stdout_chars, options.max_fetches)
        wear_limits = (options.earlier_seconds * 1_000_000, options.heap_bytes * 2 // 3, options.data_bytes // 16)
        heap_mib = options.heap_bytes >> 20
        self._command = [
            options.files[0], *FLAGS, f"--max-old-space-size={heap_mib}", str(_HARNESS[0]),
            json.dumps({"connection": _CONNECTION, "locked": LOCKED, "limits": limits, "worn": wear_limits}),
        ]  # fmt: skip
        self._sockets: tuple[socket.socket, socket.socket]

    def _fork(self, number: int, descriptor: int) -> None:
        ours, theirs = self._sockets = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            super()._fork(number, descriptor)

    def on_forked(self, pid: int) -> None:
        """Take over the child's listener."""
        ours, theirs = self._sockets
        theirs.close()
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
        if listeners:  # otherwise the child is dying, which its parent notices
            self.watch(listeners[0], lambda: self._answer_held_call(listeners[0], pid))

    def reported_status(self, status: int, usage: resource.struct_rusage) -> int:
        """Distinguish a kill at the limit of processor time from another kill.

        The kernel counts whole ticks for the limit, which on a busy host are far more than the time it reports.
        """
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        used = usage.ru_utime + usage.ru_stime
        return signal.SIGXCPU << 8 if is_killed and used > self._options.cpu_seconds / 2 else status

    def _answer_held_call(self, listener: int, pid: int) -> None:
        try:
            call = linux.next_notification(listener)
            if call.number != self._lock_call:
                linux.continue_call(listener, call)
                return
            confine.limit_process(
                pid,
                data=self._options.data_bytes,
                address_space=_PROGRAM_BYTES + self._options.data_bytes,
                cpu_seconds=self._options.cpu_seconds,
            )
            linux.answer_call(listener, call, LOCKED)
        except OSError:  # the child has died
            pass
        self.unwatch(listener)

    def _become_child(self, descriptor: int) -> None:
        try:
            self._become_node(descriptor)
        finally:
            os._exit(1)

    def _become_node(self, descriptor: int) -> None:
        """Hand the filter's listener to the zygote and execute Node, which keeps the connection to the parent."""
        _, line = self._sockets
        descriptors = dict.fromkeys(range(_CONNECTION), self._dev_null)
        descriptors |= {_CONNECTION: descriptor, seccomp.LISTENER_SOCKET: line.fileno()}
        copies = {place: fcntl.fcntl(source, fcntl.F_DUPFD, _FREE_DESCRIPTORS) for place, source in descriptors.items()}
        for place, copy in copies.items():
            os.dup2(copy, place, inheritable=place != seccomp.LISTENER_SOCKET)
        confine.detach_from_parent(keep=descriptors)
        confine.limit_stack()
        line = socket.socket(fileno=seccomp.LISTENER_SOCKET)
        try:
            listener = seccomp.install_with_listener(self._filter)
        except OSError as error:
            frames.send(socket.socket(fileno=_CONNECTION), frames.message("refused", text=str(error)))
            return
        socket.send_fds(line, [b"L"], [listener])
        os.execve(self._command[0], self._command, _ENVIRONMENT)  # noqa: S606 - the one program that it is for


def main() -> None:
    """Run with two arguments: the control socket's descriptor and the options as JSON."""
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        options = Options(**json.loads(sys.argv[2]))
        zygote = NodeZygote(control, options)
        layers = confine.enter_namespaces(
            [*options.files, *map(str, _HARNESS)], needs_namespaces=options.needs_namespaces
        )
    except (OSError, KeyError) as error:
        refuse(control, error)
        return
    zygote.run(layers)
