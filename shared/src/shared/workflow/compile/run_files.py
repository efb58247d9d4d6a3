"""Files of a run's input, from its blocks."""

from collections.abc import Iterator
from typing import Any, Final

from shared.contracts.files import CONTEXT
from shared.contracts.jobs import RunView
from shared.workflow.catalog.triggers import TRIGGERS

_STARTS: Final = frozenset(spec.type for spec in TRIGGERS)


def files_of(run: RunView) -> list[Any] | None:
    """Return the files of its start block; None if the blocks are unknown."""
    if not run.blocks:
        return None
    found = (_files_in(block.output) for block in run.blocks if block.block_type in _STARTS)
    return [file for files in found for file in files]


def _files_in(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.get("context") == CONTEXT and "key" in value:
            yield value
        else:
            for part in value.values():
                yield from _files_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _files_in(part)
