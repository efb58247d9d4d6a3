"""Objects that stay in memory only because of reference cycles that no garbage collection has found."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class Remains:
    """Objects made since, that still exist."""

    def __init__(self) -> None:
        self._before = {id(each) for each in gc.get_objects()}

    def of(self, *types: type) -> list[str]:
        """Return their types, one per object."""
        return [
            type(each).__name__
            for each in gc.get_objects()
            if issubclass(type(each), types) and id(each) not in self._before
        ]


@contextmanager
def without_collections() -> Iterator[Remains]:
    """Disable garbage collection inside the block: only reference counting frees objects."""
    gc.collect()
    gc.disable()
    try:
        yield Remains()
    finally:
        gc.enable()
