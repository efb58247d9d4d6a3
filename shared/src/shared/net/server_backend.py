"""Guarded network backend for libraries with their own HTTP client: connections to one server only."""

from collections.abc import Iterable
from typing import Final

import httpcore2

from shared.net.dialer import Dialer
from shared.net.errors import BlockedAddress
from shared.net.metered_stream import MeteredStream
from shared.net.urls import Target

OTHER_SERVER: Final = "The server redirected the call to another server, which is not allowed"


class SingleServerBackend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses checked for one server, and reads at most `most_bytes` from each."""

    def __init__(self, dialer: Dialer, target: Target, most_bytes: int, workspace_id: str) -> None:
        self._dialer = dialer
        self._target = target
        self._workspace_id = workspace_id
        self._most_bytes = most_bytes

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore2 has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect. Raises BlockedAddress, OutboundFailed, and the errors of httpcore2."""
        if (host.strip("[]"), port) != (str(self._target.host), self._target.port):
            raise BlockedAddress(OTHER_SERVER)
        stream = MeteredStream(await self._dialer.dial_without_tls(self._target, self._workspace_id))
        stream.begin(self._most_bytes)
        return stream

    async def sleep(self, seconds: float) -> None:
        """Return without waiting between tries."""
