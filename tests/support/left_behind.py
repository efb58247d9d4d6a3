"""Objects that stay in memory only because of reference cycles that no garbage collection has found."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class Remains:
    """Objects made since, that still exist. Earlier ones are frozen: a search would traverse them all each time."""

    def __init__(self) -> None:
        gc.freeze()

    def of(self, *types: type) -> list[str]:
        """Return their types, one per object."""
        return [type(each).__name__ for each in gc.get_objects() if issubclass(type(each), types)]


@contextmanager
def without_collections() -> Iterator[Remains]:
    """Disable garbage collection inside the block: only reference counting frees objects."""
    gc.collect()
    gc.disable()
    try:
        yield Remains()
    finally:
        gc.enable()
