"""Reserved loopback ports of child servers."""

import os
import random
import socket
import weakref
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from flowport.errors import CommandFailed

LOOPBACK: Final = "127.0.0.1"
_RANGE: Final = range(20_000, 32_000)
"""Below 32768, where the kernel's ephemeral ports start."""
_TRIES: Final = 200


class PortInUse(CommandFailed):
    """Another program uses the port."""

    def __init__(self, port: int, host: str, *, setting: str, reason: str = os.strerror(98)) -> None:
        super().__init__(f"cannot use port {port} of {host} ({reason}). Select another with {setting}=…")


class ReservedPort:
    """A loopback port, reserved until this object is closed or collected.

    A bound socket that never listens holds the port: connections are refused, and no other program of any user can bind
    it. `lend` lets one server share it: servers set SO_REUSEADDR and can then bind the port, any number of times in
    sequence. The kernel still assigns it to no outgoing connection and to no program without SO_REUSEADDR.
    """

    def __init__(self, holder: socket.socket, *, setting: str | None = None) -> None:
        self.number: Final[int] = holder.getsockname()[1]
        self.setting: Final = setting
        """The setting that selects the port, when the operator chose it."""
        self._holder = holder
        self.close = weakref.finalize(self, holder.close)

    def lend(self) -> int:
        """Let a server bind the port. Returns its number."""
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return self.number

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def reserve_port(preferred: int | None = None) -> ReservedPort:
    """Reserve a port that no socket is bound to, `preferred` if it is free. Raises OSError when none is found."""
    if preferred is not None:
        with suppress(OSError):
            return ReservedPort(_bound(preferred, is_lent=True))
    for port in random.sample(_RANGE, _TRIES):
        try:
            return ReservedPort(_bound(port))
        except OSError:
            continue
    raise OSError(f"no free port between {_RANGE.start} and {_RANGE.stop}")


def reserve_chosen_port(port: int, *, setting: str) -> ReservedPort:
    """Reserve the port that the operator chose with `setting`. Raises PortInUse.

    The port is lent from the start, because connections of an earlier server may be in TIME_WAIT.
    """
    try:
        return ReservedPort(_bound(port, is_lent=True), setting=setting)
    except OSError as error:
        raise PortInUse(port, LOOPBACK, setting=setting, reason=os.strerror(error.errno or 0)) from error


def _bound(port: int, *, is_lent: bool = False) -> socket.socket:
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, is_lent)
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        raise
    return holder
