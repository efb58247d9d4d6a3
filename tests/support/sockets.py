"""Listening sockets, from proc(5), /proc/net/tcp."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LISTENS = "0A"


def listening(*pids: int | None) -> set[tuple[Address, int]]:
    """Return the addresses and ports at which these processes accept connections."""
    sockets = {
        link.readlink().name
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.readlink().name.startswith("socket:")
    }
    return {place for inode, place in _all() if f"socket:[{inode}]" in sockets}


def _all() -> Iterator[tuple[str, tuple[Address, int]]]:
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            host, port = local.split(":")
            if state == _LISTENS:
                yield inode, (_address(host), int(port, 16))


def _address(text: str) -> Address:
    """Decode an address: groups of four bytes in the byte order of the host, here little endian."""
    packed = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    address = ipaddress.ip_address(packed)
    return getattr(address, "ipv4_mapped", None) or address
