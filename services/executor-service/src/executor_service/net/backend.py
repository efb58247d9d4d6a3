"""Opens one connection: resolves the name, has every answer checked, connects to a checked one."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import httpcore2

from executor_service.net.hosts import Address
from executor_service.net.metering import Meter, MeteredStream
from executor_service.net.policy import OutboundPolicy
from executor_service.net.resolver import Resolver
from executor_service.net.urls import Target

_MOST_ADDRESSES: Final = 4


@dataclass(frozen=True, slots=True)
class WayOut:
    """What is allowed, how names are resolved, and the network that checked addresses are given to."""

    policy: OutboundPolicy
    resolver: Resolver
    network: httpcore2.AsyncNetworkBackend


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """The network as one connection to one target sees it. TLS still verifies the target's name."""

    def __init__(self, target: Target, way: WayOut, meter: Meter) -> None:
        self._target = target
        self._policy = way.policy
        self._resolver = way.resolver
        self._network = way.network
        self._meter = meter
        self._stream: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore2 has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises BlockedAddress, OutboundFailed, httpcore2.ConnectError, httpcore2.ConnectTimeout."""
        addresses = await self._addresses()
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        self._stream = await self._connect(addresses[:_MOST_ADDRESSES], deadline)
        return MeteredStream(self._stream, self._meter)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore2 has it
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Never: a URL names no file of this machine."""
        raise httpcore2.ConnectError("unix sockets are closed")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)

    async def aclose(self) -> None:
        """Let go of the socket, also of one that is between TCP and TLS."""
        if self._stream is not None:
            await self._stream.aclose()

    async def _addresses(self) -> Sequence[Address]:
        known = self._policy.check(self._target)
        if known is not None:
            return known
        return self._policy.check_addresses(self._target, await self._resolver.resolve(str(self._target.host)))

    async def _connect(self, addresses: Sequence[Address], deadline: float | None) -> httpcore2.AsyncNetworkStream:
        """The first address that answers. Each gets its share of the time that is left."""
        for left in range(len(addresses), 1, -1):
            try:
                return await self._connect_one(addresses[-left], _share(deadline, left))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._connect_one(addresses[-1], _share(deadline, 1))

    async def _connect_one(self, address: Address, seconds: float | None) -> httpcore2.AsyncNetworkStream:
        return await self._network.connect_tcp(str(address), self._target.port, seconds)


def _share(deadline: float | None, of: int) -> float | None:
    return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time()) / of
