"""A URL's host, normalized for comparison, resolution and connection."""

import ipaddress
import re
from typing import Final

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Host = Address | str
"""An address, or a name: lower case, ASCII, without the root's dot."""

_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_ENDS_IN_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
_LONGEST_NAME: Final = 253


def read_host(text: str) -> Host:
    """Return the host that a browser would see in `text`, in any spelling. Raises ValueError."""
    if text.startswith("["):
        return _ipv6(text)
    name = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
    name = name.removesuffix(".")
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError("not a host name")
    return _ipv4(name) if _ENDS_IN_NUMBER.fullmatch(name) else name


def plain(address: Address) -> Address:
    """Return the address used for packets: IPv4 for IPv4-mapped IPv6."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _ipv6(text: str) -> Address:
    address, bracket, rest = text[1:].partition("]")
    if not bracket or rest:
        raise ValueError("not an IPv6 address")
    without_zone = address.partition("%")[0]
    return plain(ipaddress.IPv6Address(without_zone))


def _ipv4(text: str) -> ipaddress.IPv4Address:
    """Parse one to four numbers, decimal, octal or hexadecimal; the last one fills the rest."""
    *leading, last = [_number(part) for part in text.split(".")]
    if len(leading) > 3 or any(part > 255 for part in leading) or last >= 256 ** (4 - len(leading)):
        raise ValueError("not an IPv4 address")
    return ipaddress.IPv4Address(last + sum(part << (24 - 8 * place) for place, part in enumerate(leading)))


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if text.startswith("0") else int(text)
