"""Notifies an application that its client disconnected, without a waiting task."""

from collections.abc import Callable, MutableMapping
from typing import Any, Final

EXTENSION: Final = "flowport.disconnects"
"""Key in a scope's extensions, if the server supports it."""

Listener = Callable[[], None]
Subscribe = Callable[[Listener], Listener]
"""Registers a listener, called once, immediately if already disconnected; returns an unsubscribe function."""


def provide_subscribe(scope: MutableMapping[str, Any], listen: Subscribe) -> None:
    """Let the application of this request subscribe."""
    scope.setdefault("extensions", {})[EXTENSION] = listen


def subscribe_function(scope: MutableMapping[str, Any]) -> Subscribe | None:
    """Return the subscribe function, if this server offers it."""
    listen: Subscribe | None = scope.get("extensions", {}).get(EXTENSION)
    return listen
