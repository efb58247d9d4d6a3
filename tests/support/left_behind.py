"""What is still in memory although nobody needs it, because it holds itself and no collection has found it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class Remains:
    """What has been made since, and is still there."""

    def __init__(self) -> None:
        self._before = {id(each) for each in gc.get_objects()}

    def of(self, *types: type) -> list[str]:
        """Their types, one by one."""
        return [
            type(each).__name__
            for each in gc.get_objects()
            if issubclass(type(each), types) and id(each) not in self._before
        ]


@contextmanager
def without_collections() -> Iterator[Remains]:
    """While inside, only what nothing refers to goes."""
    gc.collect()
    gc.disable()
    try:
        yield Remains()
    finally:
        gc.enable()
