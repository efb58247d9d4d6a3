"""Open connections: resolve a name once, check every address, connect to a checked one."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpcore2

from shared.net.hosts import Address
from shared.net.policy import OutboundPolicy
from shared.net.resolver import Resolver
from shared.net.urls import Target

_MOST_ADDRESSES: Final = 4


@dataclass(frozen=True, slots=True)
class Dialer:
    """`network` receives only checked addresses; TLS still verifies the URL's name."""

    policy: OutboundPolicy
    resolver: Resolver
    network: httpcore2.AsyncNetworkBackend
    ssl_context: ssl.SSLContext
    connect_seconds: float

    async def dial(self, target: Target, workspace_id: str) -> httpcore2.AsyncNetworkStream:
        """Connect. Raises BlockedAddress, OutboundFailed, httpcore2.ConnectError, httpcore2.ConnectTimeout."""
        addresses = await self._addresses(target, workspace_id)
        deadline = self._deadline()
        stream = await self._connect(addresses, target.port, deadline)
        return await self._start_tls(stream, target, deadline) if target.scheme == "https" else stream

    async def dial_without_tls(self, target: Target, workspace_id: str) -> httpcore2.AsyncNetworkStream:
        """Connect without TLS, for callers that add it."""
        return await self._connect(await self._addresses(target, workspace_id), target.port, self._deadline())

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.connect_seconds

    async def _addresses(self, target: Target, workspace_id: str) -> Sequence[Address]:
        known = self.policy.check(target)
        if known is not None:
            return known
        return self.policy.check_addresses(target, await self.resolver.resolve(str(target.host), workspace_id))

    async def _connect(self, addresses: Sequence[Address], port: int, deadline: float) -> httpcore2.AsyncNetworkStream:
        """Connect to the first responsive address. Each gets its share of the remaining time."""
        *others, last = addresses = addresses[:_MOST_ADDRESSES]
        for place, address in enumerate(others):
            try:
                return await self.network.connect_tcp(str(address), port, _left(deadline) / (len(addresses) - place))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self.network.connect_tcp(str(last), port, _left(deadline))

    async def _start_tls(
        self, stream: httpcore2.AsyncNetworkStream, target: Target, deadline: float
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await stream.start_tls(self.ssl_context, str(target.host), _left(deadline))
        except BaseException:
            await stream.aclose()
            raise


def _left(deadline: float) -> float:
    return max(0.0, deadline - asyncio.get_running_loop().time())
