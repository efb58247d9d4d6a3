"""Order in which the blocks of a workflow run."""

from collections.abc import Mapping, Set
from typing import Final, NamedTuple

from shared.contracts.runs import Trigger
from shared.workflow.catalog import Catalog
from shared.workflow.compile.wiring import unreachable_blocks
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.start import choose_start

NOT_BEFORE: Final = "does not run before this block"
_MOST_BLOCKS: Final = 5_000
"""Larger workflows are not checked, which takes memory for each pair of blocks."""


class RunOrder:
    """Answers whether a block has run before another one, in a run that reaches both."""

    def __init__(self, state: WorkflowState, catalog: Catalog) -> None:
        self._state = state
        self._before = _ancestors(state)
        self.unreached = _unreached(state, catalog)
        """Blocks that no call reaches: their references are early because of another problem."""

    def why_not(self, target: str, reader: str) -> str | None:
        """Return why `target` cannot have run when `reader` reads it; None if it can."""
        state = self._state
        name = state.blocks[target].name
        around_reader, around_target = state.containers_of(reader), state.containers_of(target)
        is_around = target in around_reader or (target == reader and state.is_container(target))
        if is_around or target in self.unreached or reader in self.unreached:
            return None
        if not state.is_enabled(target):
            return f'"{name}" is disabled'
        if any(each in state.loops for each in around_reader if each in around_target):
            return None  # an earlier iteration may have run it
        if target == reader:
            return "a block has no output before it has run. Read a block before it"
        common = next((each for each in around_reader if each in around_target), None)
        first, second = _at_level(state, target, common), _at_level(state, reader, common)
        if first == second or self.is_before(first, second) in (True, None):
            return None
        return f'"{name}" {NOT_BEFORE}'

    def is_before(self, first: str, second: str) -> bool | None:
        """Return whether `first` runs before `second`; None if unknown."""
        mask = self._before.masks.get(second)
        return None if mask is None else bool(mask >> self._before.bits[first] & 1)


def _unreached(state: WorkflowState, catalog: Catalog) -> Set[str]:
    starts = [start.id for start in (choose_start(state), choose_start(state, Trigger.CHAT)) if start]
    return unreachable_blocks(state, catalog, starts or None)


class _Ancestors(NamedTuple):
    """The blocks before each block, as bits of a number. Blocks of cycles, and behind them, have none."""

    bits: Mapping[str, int]
    masks: Mapping[str, int]


def _ancestors(state: WorkflowState) -> _Ancestors:
    bits = {key: number for number, key in enumerate(state.blocks)}
    if len(bits) > _MOST_BLOCKS:
        return _Ancestors(bits, {})
    targets: dict[str, list[str]] = {key: [] for key in bits}
    waiting = dict.fromkeys(bits, 0)
    for edge in state.edges:
        if edge.source in bits and edge.target in bits:
            targets[edge.source].append(edge.target)
            waiting[edge.target] += 1
    collected = dict.fromkeys(bits, 0)
    masks: dict[str, int] = {}
    ready = [key for key, count in waiting.items() if not count]
    while ready:
        key = ready.pop()
        masks[key] = collected[key]
        for target in targets[key]:
            collected[target] |= masks[key] | 1 << bits[key]
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return _Ancestors(bits, masks)


def _at_level(state: WorkflowState, block_id: str, container: str | None) -> str:
    """Return the block or the container of it that lies directly in `container`."""
    around = (block_id, *state.containers_of(block_id))
    return next((each for each in around if state.container_of(each) == container), block_id)
