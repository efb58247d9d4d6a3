"""Outline of a workflow in a file: the key of each block, and which blocks lie in which."""

from collections.abc import Sequence
from itertools import pairwise

from shared.workflow.catalog import Catalog
from shared.workflow.files import forms
from shared.workflow.files.names import BRANCHING, TERMINAL, block_id
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import normalize_name


class Outline:
    """Keys and nesting of the blocks of a state that becomes a file."""

    def __init__(self, state: WorkflowState, catalog: Catalog, *, with_layout: bool) -> None:
        self.state = state
        self.catalog = catalog
        self.with_layout = with_layout
        self.keys = _block_keys(state)
        self.children = _children(state)
        self.short_branches = {
            block.id: forms.shorten_branches(block.type, self.id_in_file(block), block.value(BRANCHING[block.type]))
            for block in state.blocks.values()
            if block.type in BRANCHING
        }
        """Branches that a file can have without loss, by id of their block; None for others."""

    def id_in_file(self, block: Block) -> str:
        """Return the id that a reader gives the block, from which ids of its branches follow."""
        return block.id if self.with_layout else block_id(self.keys[block.id])

    def pairs(self) -> list[tuple[str, str]]:
        """Return each block with the one below it, by ids."""
        found: list[tuple[str, str]] = []
        for members in self.children.values():
            found += pairwise(each for each in members if self.state.blocks[each].type != "note")
        return found

    def may_follow(self, above: str, below: str) -> bool:
        """Return whether order can connect these blocks."""
        block = self.state.blocks[below]
        spec = self.catalog.spec(block.type)
        is_trigger = (spec is not None and spec.is_trigger) or block.trigger_mode
        return self.state.blocks[above].type not in TERMINAL and not is_trigger


def _block_keys(state: WorkflowState) -> dict[str, str]:
    """Return the key of each block in the file: its name, or the name with a number if others have it."""
    keys: dict[str, str] = {}
    used: set[str] = set()
    for block in state.blocks.values():
        key, number = block.name, 2
        while normalize_name(key) in used or not key:
            key, number = f"{block.name} ({number})", number + 1
        used.add(normalize_name(key))
        keys[block.id] = key
    return keys


def _children(state: WorkflowState) -> dict[str | None, Sequence[str]]:
    """Return the blocks of each container, and of the workflow under None. Containers in a cycle are there."""
    children: dict[str | None, list[str]] = {None: []}
    for key in state.blocks:
        around = state.containers_of(key)
        is_nested = around and key not in around and state.container_of(around[-1]) is None
        children.setdefault(state.container_of(key) if is_nested else None, []).append(key)
    return {key: list(found) for key, found in children.items()}
