"""Notifies an application that its client disconnected, without a waiting task."""

from collections.abc import Callable, MutableMapping
from functools import partial
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


class DisconnectListeners:
    """Listeners of one connection."""

    def __init__(self) -> None:
        self.are_notified = False
        self._listeners: set[Listener] = set()

    def add(self, listener: Listener) -> Listener:
        """Add a listener, or call it if the client has disconnected; return its unsubscribe function."""
        if self.are_notified:
            listener()
        else:
            self._listeners.add(listener)
        return partial(self._listeners.discard, listener)

    def notify(self) -> None:
        """Call all listeners, once."""
        self.are_notified = True
        listeners, self._listeners = self._listeners, set()
        for each in tuple(listeners):  # one may unsubscribe another
            each()
