"""How an application hears that its client has closed the connection, without a task that waits for it."""

from collections.abc import Callable, MutableMapping
from typing import Any, Final

EXTENSION: Final = "flowport.disconnects"
"""In a scope's extensions, where the server has it."""

Listener = Callable[[], None]
Listen = Callable[[Listener], Listener]
"""Takes who is to be told once, at once where the client is gone already; returns how to be told no more."""


def offer(scope: MutableMapping[str, Any], listen: Listen) -> None:
    """Let the application of this request listen."""
    scope.setdefault("extensions", {})[EXTENSION] = listen


def offered(scope: MutableMapping[str, Any]) -> Listen | None:
    """How to listen, where this server offers it."""
    listen: Listen | None = scope.get("extensions", {}).get(EXTENSION)
    return listen
