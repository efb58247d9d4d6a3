"""Fakes of DNS and the network for tests of the executor's outbound connections."""

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat

import httpcore2

from shared.net import OutboundFailed
from shared.net.hosts import Address


class FakeResolver:
    """Answers from a table. A name with several answers gives them in turn and repeats the last one."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.requests: list[str] = []
        self.askers: list[str] = []
        """The workspaces of the requests."""
        self._answers = {
            name.replace("_", "."): chain(given, repeat(given[-1])) for name, given in answers.items() if given
        }

    async def resolve(self, name: str, asker: str = "") -> Sequence[Address]:
        """Return the next answer."""
        self.requests.append(name)
        self.askers.append(asker)
        if name not in self._answers:
            raise OutboundFailed("url hostname could not be resolved")
        return [ipaddress.ip_address(text) for text in next(self._answers[name])]

    def close(self) -> None:
        """Release nothing."""


class FakeNetwork(httpcore2.AsyncNetworkBackend):
    """A network in which every address leads to a port of this machine or nowhere. It records the calls."""

    def __init__(
        self, port: int | None = None, *, ports: Mapping[str, int] | None = None, deaf: Iterable[str] = ()
    ) -> None:
        self.called: list[tuple[str, int]] = []
        self._port = port
        self._ports = ports or {}
        self._deaf = frozenset(deaf)
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the port that represents `host`."""
        self.called.append((host, port))
        local = self._ports.get(host, self._port)
        if host in self._deaf:
            await asyncio.sleep(60 if timeout is None else timeout)
            raise httpcore2.ConnectTimeout
        if local is None:
            raise httpcore2.ConnectError("connection refused")
        return await self._real.connect_tcp("127.0.0.1", local, timeout)
