"""Parent's side of one jailed process: frames of four bytes of length, then that many bytes."""

import asyncio
import socket
import struct
from typing import Final

import msgspec

from executor_service.sandbox import messages
from executor_service.sandbox.model import SandboxUnavailable
from executor_service.sandbox.zygote import Exit, Zygote

_WARM_SECONDS: Final = 10.0
_EXIT_SECONDS: Final = 1.0
_LENGTH: Final = struct.Struct(">I")
_READ_AHEAD_BYTES: Final = 1 << 16


class ChildDied(Exception):
    """The process ended before it reported its script's result."""

    def __init__(self, exit_: Exit) -> None:
        super().__init__(f"signal {exit_.signal}")
        self.exit = exit_


class ProtocolBroken(Exception):
    """The process violated the protocol."""


class NestedTooDeeply(ProtocolBroken):
    """A frame, such as an honest script's result, is nested too deeply."""


class TooManyValues(ProtocolBroken):
    """A frame, such as an honest script's result, has more values than the parent decodes."""


class Child:
    """A process that has run no code yet, or code of one owner only. It always ends by a kill."""

    def __init__(
        self,
        zygote: Zygote,
        number: int,
        exit_: "asyncio.Future[Exit]",
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        max_frame: int,
    ) -> None:
        self._zygote = zygote
        self._number = number
        self._exit = exit_
        self._reader, self._writer = streams
        self._max_frame = max_frame
        self._pending_replies = 0
        self.needs_replacement = False
        self.scripts = 0

    @classmethod
    async def fork(cls, zygote: Zygote, max_frame: int) -> "Child":
        """Fork a child, which may not be ready yet. Raises SandboxUnavailable."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                number, exit_ = zygote.fork(theirs)
            streams = await asyncio.open_unix_connection(sock=ours, limit=_READ_AHEAD_BYTES)
        except OSError as error:
            ours.close()
            raise SandboxUnavailable(f"The sandbox cannot start a process: {error}") from error
        except BaseException:
            ours.close()
            raise
        return cls(zygote, number, exit_, streams, max_frame)

    @classmethod
    async def spawn(cls, zygote: Zygote, max_frame: int) -> "Child":
        """Fork a child and wait until it is warm and locked down. Raises SandboxUnavailable."""
        child = await cls.fork(zygote, max_frame)
        child._pending_replies = 1  # its greeting
        try:
            async with asyncio.timeout(_WARM_SECONDS):
                await child._expect_ready()
        except (ChildDied, ProtocolBroken, TimeoutError) as error:
            child.kill()
            raise SandboxUnavailable(f"A process did not become ready: {error}") from error
        except BaseException:
            child.kill()
            raise
        return child

    @property
    def is_usable(self) -> bool:
        return self._zygote.alive and not self._exit.done()

    @property
    def is_synchronized(self) -> bool:
        """Return whether every frame was answered."""
        return self._pending_replies == 0

    async def send(self, message: msgspec.Struct | bytes) -> None:
        """Send one frame: a message, or encoded bytes. Waits while earlier ones fill the buffers. Raises ChildDied."""
        self._pending_replies += 1
        frame = message if isinstance(message, bytes) else messages.encode(message)
        try:
            self._writer.write(_LENGTH.pack(len(frame)) + frame)
            await self._writer.drain()
        except ConnectionError:
            raise ChildDied(await self._wait_for_exit()) from None

    async def receive(self) -> list[messages.Message]:
        """Return the next frame's messages. Raises ChildDied, ProtocolBroken, NestedTooDeeply, TooManyValues."""
        try:
            (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if size > self._max_frame:
                raise ProtocolBroken
            answer = messages.decode(await self._reader.readexactly(size))
        except (ConnectionError, asyncio.IncompleteReadError):
            raise ChildDied(await self._wait_for_exit()) from None
        except msgspec.DecodeError as error:
            raise ProtocolBroken from error
        except RecursionError as error:
            raise NestedTooDeeply from error
        except messages.TooManyValues as error:
            raise TooManyValues from error
        self._pending_replies -= 1
        return answer

    def kill(self) -> None:
        """Kill the process, idempotently."""
        self._zygote.kill(self._number)
        self._writer.transport.abort()

    async def _wait_for_exit(self) -> Exit:
        """Return how it ended after closing its socket; kill it if it is still alive."""
        try:
            async with asyncio.timeout(_EXIT_SECONDS):
                return await asyncio.shield(self._exit)
        except TimeoutError:
            self.kill()
            return Exit(None, 0)

    async def _expect_ready(self) -> None:
        match await self.receive():
            case [messages.Ready()]:
                return
            case [messages.Refused(text=text)]:
                raise SandboxUnavailable(f"This host cannot confine user code: {text}")
            case _:
                raise ProtocolBroken
