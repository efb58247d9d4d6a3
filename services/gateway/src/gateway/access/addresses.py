"""Addresses that callers without a key are counted by."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_SITE_BITS: Final = 64
"""IPv6 prefix of one site, whose addresses one owner controls."""

_NETWORK_BITS: Final = {4: 32, 6: 48}
"""Usual maximum prefix of a network operator's customer."""
_REGION_BITS: Final = {4: 24, 6: 32}


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse `10.0.0.0/8`, `::1`. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def caller_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the last hop before our own proxies: `forwarded_for` is trusted only where `trusted` proxies wrote it."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    address = peer
    while hops and _is_within(address, trusted):
        address = hops.pop()
    return _counted(address)


def wider_networks(address: str) -> tuple[str, str]:
    """Return the customer's and the operator's network of an address from `caller_address`."""
    try:
        site = ip_network(address)
    except ValueError:
        return address, address
    bits = _NETWORK_BITS[site.version], _REGION_BITS[site.version]
    customer, operator = (str(site.supernet(new_prefix=min(each, site.prefixlen))) for each in bits)
    return customer, operator


def _is_within(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _counted(address: str) -> str:
    parsed = _parsed(address)
    if parsed is None:
        return "unknown"
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, _SITE_BITS), strict=False))


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return None for invalid addresses. An IPv4 address may have IPv6 form."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
