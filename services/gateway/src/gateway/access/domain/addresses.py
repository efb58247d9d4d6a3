"""Which address a caller without a key is counted by."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_SITE_BITS: Final = 64
"""Of an IPv6 address: whoever has one has the whole site."""

_NETWORK_BITS: Final = {4: 32, 6: 48}
"""What one customer of a network operator has at most, as a rule."""
_REGION_BITS: Final = {4: 24, 6: 32}


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """`10.0.0.0/8`, `::1`. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def caller_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The last hop before our own proxies: `forwarded_for` is believed only as far as `trusted` ones wrote it."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    address = peer
    while hops and _is_within(address, trusted):
        address = hops.pop()
    return _counted(address)


def wider_networks(address: str) -> tuple[str, str]:
    """Return the network of one customer and that of one operator for an address as `caller_address` returns it."""
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
    """None for what is no address. An IPv4 address may come in the form of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
