"""Free loopback ports for child servers."""

import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_RANGE: Final = range(20_000, 32_000)
"""Below 32768, where a client's own ephemeral port cannot collide with it."""
_TRIES: Final = 200


def free_port() -> int:
    """A port that nobody listens on right now. Raises OSError if none is found."""
    for port in random.sample(_RANGE, _TRIES):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {_RANGE.start} and {_RANGE.stop}")
