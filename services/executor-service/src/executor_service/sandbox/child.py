"""Parent's side of one jailed process."""

import asyncio
import socket

import msgspec

from executor_service.sandbox import messages
from executor_service.sandbox.frame_connection import FrameConnection, FrameTooLarge
from executor_service.sandbox.model import SandboxUnavailable
from executor_service.sandbox.process_spawner import Exit, ProcessSpawner

_WARM_SECONDS = 10.0
_EXIT_SECONDS = 1.0


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
    """A warm process that has run no code yet, or code of one owner only. It always ends by a kill."""

    def __init__(
        self,
        spawner: ProcessSpawner,
        number: int,
        exit_: "asyncio.Future[Exit]",
        connection: FrameConnection,
    ) -> None:
        self._spawner = spawner
        self._number = number
        self._exit = exit_
        self._connection = connection
        self._pending_replies = 0
        self.needs_replacement = False
        self.scripts = 0

    @classmethod
    async def spawn(cls, spawner: ProcessSpawner, max_frame: int) -> "Child":
        """Fork a child and wait until it is warm and locked down. Raises SandboxUnavailable."""
        try:
            number, exit_, connection = await _fork_connected(spawner, max_frame)
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox cannot start a process: {error}") from error
        child = cls(spawner, number, exit_, connection)
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
        return self._spawner.alive and not self._exit.done()

    @property
    def is_synchronized(self) -> bool:
        """Return whether every frame was answered."""
        return self._pending_replies == 0

    async def send(self, message: msgspec.Struct | bytes) -> None:
        """Send one frame: a message, or encoded bytes."""
        self._pending_replies += 1
        try:
            await self._connection.send(message if isinstance(message, bytes) else messages.encode(message))
        except ConnectionError:
            raise ChildDied(await self._wait_for_exit()) from None

    async def receive(self) -> list[messages.Message]:
        """Return the next frame's messages. Raises ChildDied, ProtocolBroken, NestedTooDeeply, TooManyValues."""
        try:
            answer = messages.decode(await self._connection.receive())
        except ConnectionError:
            raise ChildDied(await self._wait_for_exit()) from None
        except FrameTooLarge as error:
            raise ProtocolBroken from error
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
        self._spawner.kill(self._number)
        self._connection.abort()

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


async def _fork_connected(
    spawner: ProcessSpawner, max_frame: int
) -> tuple[int, "asyncio.Future[Exit]", FrameConnection]:
    """Fork a child, and keep the other end of its socket. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            number, exit_ = spawner.fork(theirs)
        return number, exit_, await FrameConnection.open(ours, max_frame)
    except BaseException:
        ours.close()
        raise
