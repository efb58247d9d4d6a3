"""Output selectors: block fields that a caller requests."""

from collections.abc import Iterable, Mapping

import msgspec

from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Path, normalize_name, parse_steps


class Selector(msgspec.Struct, frozen=True):
    """A selected output. An empty path selects the block's whole output."""

    block_id: str
    path: str
    """Dotted, as typed: the key of the value in the output."""
    raw: str

    @property
    def steps(self) -> Path:
        """Return the path for `paths.value_at`."""
        return parse_steps(self.path)


def resolve_selectors(state: WorkflowState, selected: Iterable[str]) -> list[Selector]:
    """Return the selectors that match a block, each output once, in the caller's order.

    Accepted, in this order: `<id>` and `<id>.path`; `name` and `name.path`, the name normalized, else without its
    underscores (`agent_1` for "Agent 1"); `<id>_path`. The longest id wins. Unmatched selectors are omitted: they
    select nothing.
    """
    index = _Index(state)
    found: dict[tuple[str, str], Selector] = {}
    for raw in selected:
        if target := index.find(raw):
            found.setdefault(target, Selector(*target, raw))
    return list(found.values())


def selector_beginnings(state: WorkflowState) -> Mapping[str, str]:
    """Return the selector prefix of each block, by block id: its name, or its id if the name selects another."""
    index = _Index(state)
    beginnings: dict[str, str] = {}
    for block in state.blocks.values():
        name = selector_name(block)
        target = index.find(name)
        beginnings[block.id] = block.id if target is None or target[0] != block.id else name
    return beginnings


def selector_name(block: Block) -> str:
    """Return a block's name in samples: `Agent 1` becomes `agent_1`."""
    return "_".join(block.name.lower().replace(".", "").split())


class _Index:
    def __init__(self, state: WorkflowState) -> None:
        self._ids = set(state.blocks)
        self._lengths = sorted(set(map(len, self._ids)), reverse=True)
        self._by_exact_name = state.ids_by_name
        self._by_loose_name: dict[str, str] = {}
        for name, block_id in state.ids_by_name.items():
            self._by_loose_name.setdefault(name.replace("_", ""), block_id)

    def find(self, raw: str) -> tuple[str, str] | None:
        """Return block id and path."""
        return self._by_id(raw, ".") or self._by_name(raw) or self._by_id(raw, "_")

    def _by_id(self, raw: str, separator: str) -> tuple[str, str] | None:
        if raw in self._ids:
            return raw, ""
        ends = (end for end in self._lengths if 0 < end < len(raw) and raw[end] == separator)
        return next(((raw[:end], raw[end + 1 :]) for end in ends if raw[:end] in self._ids), None)

    def _by_name(self, raw: str) -> tuple[str, str] | None:
        typed, _, path = raw.partition(".")
        name = normalize_name(typed)
        block_id = self._by_exact_name.get(name) or self._by_loose_name.get(name.replace("_", ""))
        return (block_id, path) if block_id else None
