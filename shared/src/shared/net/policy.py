"""Allowed outbound targets: the public internet over https, and what the operator opens."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from shared.net.addresses import CLOUD_SERVICES, LOOPBACK, Network, is_public
from shared.net.errors import BlockedAddress
from shared.net.hosts import Address, plain, read_host
from shared.net.urls import NOT_HTTPS, Target

BLOCKED_PORT: Final = "url uses a blocked port"
BLOCKED_PORTS: Final = frozenset({22, 23, 25, 3306, 5432, 6379, 27017, 9200})
PRIVATE: Final = "url cannot point to private IP addresses"
_LOCALHOST: Final = "localhost"
_LOOPBACK_NETWORKS: Final = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


class OutboundPolicy:
    """`allow` lists networks (`10.0.0.0/8`), addresses and host names that are allowed though not public.

    Plain http is allowed there, too. `localhost` opens the machine itself. A name opens whatever it resolves to, except
    cloud services, which are opened only by their address. Raises ValueError for other text.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        entries = [_entry(text) for text in (given.strip() for given in allow) if text]
        self._names = frozenset(entry for entry in entries if isinstance(entry, str))
        networks = [entry for entry in entries if not isinstance(entry, str)]
        if _LOCALHOST in self._names:
            networks += _LOOPBACK_NETWORKS
        self._networks = tuple(networks)

    def check(self, target: Target) -> Sequence[Address] | None:
        """Check a target before its name is resolved. Raises BlockedAddress.

        Returns the addresses of a target that needs no resolver, else None.
        """
        if target.scheme == "http" and not self._networks and not self._names:
            raise BlockedAddress(NOT_HTTPS)
        addresses = self._known_addresses(target)
        if addresses is not None:
            addresses = self.check_addresses(target, addresses)
        if target.port in BLOCKED_PORTS:
            raise BlockedAddress(BLOCKED_PORT)
        return addresses

    def check_addresses(self, target: Target, addresses: Sequence[Address]) -> Sequence[Address]:
        """Return the target's `addresses` if all are allowed. Raises BlockedAddress."""
        addresses = [plain(address) for address in addresses]
        unopened = [address for address in addresses if not self._is_open(target, address)]
        if unopened and target.scheme == "http":
            raise BlockedAddress(NOT_HTTPS)
        if not all(is_public(address) for address in unopened):
            raise BlockedAddress(PRIVATE)
        return addresses

    def _known_addresses(self, target: Target) -> Sequence[Address] | None:
        if not isinstance(target.host, str):
            return [target.host]
        if not _is_localhost(target.host):
            return None
        return [address for address in LOOPBACK if self._is_open(target, address)] or LOOPBACK

    def _is_open(self, target: Target, address: Address) -> bool:
        if address in CLOUD_SERVICES:
            return any(address == network.network_address and network.num_addresses == 1 for network in self._networks)
        return target.host in self._names or any(address in network for network in self._networks)


def _is_localhost(name: str) -> bool:
    return name in (_LOCALHOST, "localhost.localdomain") or name.endswith(".localhost")


def _entry(text: str) -> Network | str:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        pass
    try:
        host = read_host(text)
    except ValueError as error:
        raise ValueError(f"{text} is not a network, an address or a host name") from error
    return host if isinstance(host, str) else ipaddress.ip_network(host)
