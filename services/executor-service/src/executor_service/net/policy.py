"""Where workflows may call: the open internet over https, and what the operator opens."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from executor_service.net.addresses import CLOUD_SERVICES, LOOPBACK, Network, is_public
from executor_service.net.errors import BlockedAddress
from executor_service.net.hosts import Address, plain, read_host
from executor_service.net.urls import NOT_HTTPS, Target

PRIVATE: Final = "url cannot point to private IP addresses"
_LOCALHOST: Final = "localhost"
_LOOPBACK_NETWORKS: Final = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


class OutboundPolicy:
    """`allow` lists networks (`10.0.0.0/8`), addresses and host names that are open though not public.

    They may be called over plain http, too. `localhost` opens the machine itself. A name opens whatever it resolves
    to, except the services of clouds: those are opened only by their own address. Raises ValueError for other text.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        entries = [_entry(text) for text in (given.strip() for given in allow) if text]
        self._names = frozenset(entry for entry in entries if isinstance(entry, str))
        networks = [entry for entry in entries if not isinstance(entry, str)]
        if _LOCALHOST in self._names:
            networks += _LOOPBACK_NETWORKS
        self._networks = tuple(networks)

    def known_addresses(self, target: Target) -> Sequence[Address] | None:
        """The addresses of a target that needs no resolver; None for a name. Raises BlockedAddress."""
        if target.scheme == "http" and not self._networks and not self._names:
            raise BlockedAddress(NOT_HTTPS)
        if not isinstance(target.host, str):
            return self.checked(target, [target.host])
        if not _is_localhost(target.host):
            return None
        opened = [address for address in LOOPBACK if self._is_open(target, address)]
        return self.checked(target, opened or LOOPBACK)

    def checked(self, target: Target, addresses: Sequence[Address]) -> Sequence[Address]:
        """`addresses` of the target, if all of them may be called. Raises BlockedAddress."""
        addresses = [plain(address) for address in addresses]
        unopened = [address for address in addresses if not self._is_open(target, address)]
        if unopened and target.scheme == "http":
            raise BlockedAddress(NOT_HTTPS)
        if not all(is_public(address) for address in unopened):
            raise BlockedAddress(PRIVATE)
        return addresses

    def _is_open(self, target: Target, address: Address) -> bool:
        if address in CLOUD_SERVICES:
            return any(address == network.network_address and network.num_addresses == 1 for network in self._networks)
        return target.host in self._names or any(address in network for network in self._networks)


def _is_localhost(name: str) -> bool:
    return name == _LOCALHOST or name.endswith((".localhost", "localhost.localdomain"))


def _entry(text: str) -> Network | str:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        host = read_host(text)
    return host if isinstance(host, str) else ipaddress.ip_network(host)
