"""Context that only has an end."""

from collections.abc import Callable


class OnExit:
    """Calls `call` when the block ends. It runs half of the functions of a context that a generator defines."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def __enter__(self) -> None:
        """Begin nothing."""

    def __exit__(self, *error: object) -> None:
        """End the block."""
        self._call()
