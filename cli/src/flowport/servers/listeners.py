"""Ports that a process listens on, from proc(5)."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"


def listening_ports(pid: int) -> set[int]:
    """Return the TCP ports that process `pid` listens on, over IPv4 or IPv6."""
    sockets = set(_sockets_of(pid))
    return {port for inode, port in _listeners() if inode in sockets}


def _sockets_of(pid: int) -> Iterator[str]:
    with suppress(FileNotFoundError, ProcessLookupError):  # the process may end in between
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                yield link.readlink().name.removeprefix("socket:[").removesuffix("]")


def _listeners() -> Iterator[tuple[str, int]]:
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):  # kernels without IPv6
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == _LISTEN:
                    yield inode, int(local.rpartition(":")[2], 16)
