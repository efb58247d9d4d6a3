"""Parent's side of a zygote: starts it, forks children, reports their exits."""

import asyncio
import json
import os
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import msgspec

from executor_service.sandbox.model import SandboxUnavailable

_START_SECONDS = 20.0
_STOP_SECONDS = 2.0
_MAX_STDERR_BYTES = 2000
_COMMAND = struct.Struct(">cQ")
_EXIT = struct.Struct(">QiQ")
_PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); from jail.{engine} import main; main()"
JAIL = Path(__file__).with_name("jail")


class Exit(NamedTuple):
    """Exit of a child: the fatal signal, if any, and the peak memory.

    A child at its limit of processor time exits with the signal's number: see `jail.linux.exit_on`.
    """

    signal: int | None
    peak_bytes: int

    @classmethod
    def of(cls, status: int, peak_kib: int) -> "Exit":
        code = os.waitstatus_to_exitcode(status)
        return cls(-code if code < 0 else signal.SIGXCPU if code == signal.SIGXCPU else None, peak_kib << 10)


_LOST = Exit(None, 0)


class Engine(Protocol):
    """Zygote configuration of a language."""

    @property
    def language(self) -> str: ...

    def command(self, control: int) -> Sequence[str]:
        """Return the command of the zygote, given its control socket. Raises SandboxUnavailable."""


def zygote_command(module: str, folder: str, control: int, options: dict[str, object]) -> list[str]:
    """Return the command for `main` of a jail module in this folder, in an interpreter without site packages."""
    return ["-I", "-S", "-c", _PROGRAM.format(engine=module), folder, str(control), json.dumps(options)]


class Zygote:
    """A process that forks children. It serves until it is stopped or dies, and is never restarted."""

    def __init__(
        self,
        control: socket.socket,
        layers: tuple[str, ...],
        process: asyncio.subprocess.Process | None = None,
    ) -> None:
        self.layers = layers
        self._process = process
        self._control = control
        self._next = 0
        self._exits: dict[int, asyncio.Future[Exit]] = {}
        self.alive = True
        asyncio.get_running_loop().add_reader(control.fileno(), self._read)

    @classmethod
    async def start(cls, engine: Engine) -> "Zygote":
        """Start the zygote of a language and wait until it is confined. Raises SandboxUnavailable."""
        try:
            return await cls._start(engine)
        except (OSError, SandboxUnavailable) as error:
            raise SandboxUnavailable(f"{engine.language} cannot run on this host: {error}") from error

    @classmethod
    async def _start(cls, engine: Engine) -> "Zygote":
        if sys.platform != "linux":
            raise SandboxUnavailable("the sandbox requires Linux")
        ours, theirs = _control_sockets()
        try:
            with theirs, tempfile.TemporaryFile() as stderr:
                process = await _spawn(engine.command(theirs.fileno()), theirs, stderr)
                theirs.close()
                layers = await _read_layers(process, ours, stderr)
        except BaseException:
            ours.close()
            raise
        return cls(ours, layers, process)

    def fork_zygote(self) -> tuple[int, "Zygote"]:
        """Fork a child that is a zygote itself, and return its number. Raises OSError."""
        ours, theirs = _control_sockets()
        try:
            with theirs:
                number, _ = self.fork(theirs)
        except OSError:
            ours.close()
            raise
        return number, Zygote(ours, self.layers)

    def fork(self, connection: socket.socket) -> tuple[int, "asyncio.Future[Exit]"]:
        """Fork a child that serves this socket; return its number and future exit. Raises OSError."""
        number, self._next = self._next, self._next + 1
        exit_ = self._exits[number] = asyncio.get_running_loop().create_future()
        try:
            socket.send_fds(self._control, [_COMMAND.pack(b"S", number)], [connection.fileno()])
        except OSError:
            del self._exits[number]
            raise
        return number, exit_

    def kill(self, number: int) -> None:
        if number not in self._exits:
            return
        try:
            self._control.send(_COMMAND.pack(b"K", number))
        except OSError:
            self.disconnect()

    async def stop(self) -> None:
        """End the zygote and all its children."""
        self.disconnect()
        if self._process is not None:
            await _end(self._process)

    def _read(self) -> None:
        try:
            packet = self._control.recv(_EXIT.size)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if len(packet) != _EXIT.size:
            self.disconnect()
            return
        number, status, peak_kib = _EXIT.unpack(packet)
        if exit_ := self._exits.pop(number, None):
            exit_.set_result(Exit.of(status, peak_kib))

    def disconnect(self) -> None:
        """Close the control socket, which ends the zygote and all its children; idempotent."""
        if not self.alive:
            return
        self.alive = False
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        for exit_ in self._exits.values():
            exit_.set_result(_LOST)
        self._exits.clear()


def _control_sockets() -> tuple[socket.socket, socket.socket]:
    """Return our end, which does not block, and the zygote's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


async def _spawn(command: Sequence[str], control: socket.socket, stderr: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        pass_fds=(control.fileno(),),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=stderr,
        env={"TZ": "UTC", "LANG": "C.UTF-8"},
        start_new_session=True,
    )


async def _read_layers(
    process: asyncio.subprocess.Process, control: socket.socket, stderr: IO[bytes]
) -> tuple[str, ...]:
    """Return the layers reported by a new zygote; end one that reports anything else."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            greeting = await asyncio.get_running_loop().sock_recv(control, 65536)
        return _layers(greeting)
    except (TimeoutError, SandboxUnavailable) as error:
        await _end(process)
        stderr.seek(0)
        output = stderr.read(_MAX_STDERR_BYTES).decode("utf-8", "replace").strip()
        raise SandboxUnavailable(": ".join(filter(None, (str(error) or "it did not start in time", output)))) from error
    except BaseException:
        await _end(process)
        raise


def _layers(greeting: bytes) -> tuple[str, ...]:
    try:
        message = msgspec.json.decode(greeting or b"{}", type=dict[str, list[str] | str])
    except msgspec.DecodeError as error:
        raise SandboxUnavailable("the zygote sent an invalid greeting") from error
    layers = message.get("layers")
    if not isinstance(layers, list):
        raise SandboxUnavailable(str(message.get("refused", "it ended before it was ready")))
    return tuple(layers)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for the zygote, which ends when its control socket closes; kill it if it does not."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
