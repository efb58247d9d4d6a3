"""A TCP proxy that a test can cut silently: no RST, no FIN, the bytes are discarded."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

CHUNK_BYTES: Final = 64 * 1024
CONNECT_SECONDS: Final = 5.0


class Line:
    """Listens on `port` of loopback and passes bytes to the first of `targets` that accepts the connection.

    With several targets it is a balancer. `targets` may be given after the start.
    """

    def __init__(self, targets: Sequence[int] = (), *, port: int = 0) -> None:
        self.targets = list(targets)
        self.port = port
        self._passing = True
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._hang_up()

    def cut(self) -> None:
        """From now on discard everything, in both directions."""
        self._passing = False

    def restore(self) -> None:
        """Pass bytes again; connections that lost some are closed."""
        self._hang_up()
        self._passing = True

    def _hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            self._writers -= ends
            for each in ends:
                if not each.is_closing():  # where the connection was cut, neither side closed it
                    each.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for target in random.sample(self.targets, len(self.targets)):
            with suppress(OSError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection("127.0.0.1", target)
        raise ConnectionRefusedError("no target takes connections")

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._passing:
                    writer.write(data)
                    await writer.drain()
        if self._passing:
            writer.close()
