"""Opens one connection: resolves the name, has every answer checked, connects to a checked one."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpcore

from executor_service.net.errors import ResponseTooLarge
from executor_service.net.hosts import Address
from executor_service.net.policy import OutboundPolicy
from executor_service.net.resolver import Resolver
from executor_service.net.urls import Target

_MOST_ADDRESSES: Final = 4


class Meter:
    """Counts what is received for one response, whatever it is: headers, framing, body."""

    def __init__(self) -> None:
        self.received = 0
        self._allowed = 0

    def begin(self, allowed: int) -> None:
        """Count anew, up to about `allowed` bytes."""
        self.received, self._allowed = 0, allowed

    def allow_more(self, more: int) -> None:
        """Raise the bound."""
        self._allowed += more

    def check(self) -> None:
        """Raises ResponseTooLarge when nothing more may be read."""
        if self.received >= self._allowed:
            raise ResponseTooLarge("Response is too large")


class MeteredStream(httpcore.AsyncNetworkStream):
    """A stream that is counted."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 as httpcore has it
        """Raises ResponseTooLarge."""
        self._meter.check()
        received = await self._stream.read(max_bytes, timeout)
        self._meter.received += len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 as httpcore has it
        """Not counted."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Let go of the socket."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore has it
    ) -> httpcore.AsyncNetworkStream:
        """What is counted from here on is what was encrypted."""
        return MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:
        """As the stream inside."""
        return self._stream.get_extra_info(info)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """The network as one connection to one target sees it. TLS still verifies the target's name."""

    def __init__(self, target: Target, policy: OutboundPolicy, resolver: Resolver, meter: Meter) -> None:
        self._target = target
        self._policy = policy
        self._resolver = resolver
        self._meter = meter
        self._network = httpcore.AnyIOBackend()
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises BlockedAddress, OutboundFailed, httpcore.ConnectError, httpcore.ConnectTimeout."""
        addresses = await self._addresses()
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        self._stream = await self._connect(addresses[:_MOST_ADDRESSES], deadline)
        return MeteredStream(self._stream, self._meter)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore has it
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a URL names no file of this machine."""
        raise httpcore.ConnectError("unix sockets are closed")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)

    async def aclose(self) -> None:
        """Let go of the socket, also of one that is between TCP and TLS."""
        if self._stream is not None:
            await self._stream.aclose()

    async def _addresses(self) -> Sequence[Address]:
        known = self._policy.known_addresses(self._target)
        if known is not None:
            return known
        return self._policy.checked(self._target, await self._resolver.resolve(str(self._target.host)))

    async def _connect(self, addresses: Sequence[Address], deadline: float | None) -> httpcore.AsyncNetworkStream:
        """The first address that answers. Each gets its share of the time that is left."""
        for left in range(len(addresses), 1, -1):
            try:
                return await self._connect_one(addresses[-left], _share(deadline, left))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._connect_one(addresses[-1], _share(deadline, 1))

    async def _connect_one(self, address: Address, seconds: float | None) -> httpcore.AsyncNetworkStream:
        return await self._network.connect_tcp(str(address), self._target.port, seconds)


def _share(deadline: float | None, of: int) -> float | None:
    return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time()) / of
