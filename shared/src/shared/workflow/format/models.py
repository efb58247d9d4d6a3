"""A workflow state as typed values. Unknown keys of the document are ignored; nothing here can be changed."""

from typing import Final

import msgspec

from shared.workflow.format.js_values import Json, JsonObject

LOOP_TYPES: Final = ("for", "forEach", "while", "doWhile")
MAX_CONTAINER_DEPTH: Final = 10
"""How deep containers may lie within each other."""


class SubBlock(msgspec.Struct, frozen=True):
    """One setting of a block. `type` is the editor's control, not the type of the value."""

    id: str
    type: str = "short-input"
    value: Json = None


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often a failing block is tried, within the format's bounds."""

    max_tries: int = 3
    """2 to 5, the first try included."""
    wait_ms: int = 1000
    """0 to 5000."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the graph."""

    id: str
    type: str
    name: str
    enabled: bool = True
    sub_blocks: dict[str, SubBlock] = {}
    data: JsonObject = {}
    retry: RetryPolicy | None = None
    """Set only when the author turned it on."""
    advanced_mode: bool = False
    trigger_mode: bool = False

    def value(self, key: str) -> Json:
        """The stored value of a sub-block; None when it has none."""
        sub_block = self.sub_blocks.get(key)
        return sub_block.value if sub_block else None

    @property
    def parent_id(self) -> str | None:
        """The container that this block claims to lie in; it may not exist."""
        parent = self.data.get("parentId")
        return parent if isinstance(parent, str) and parent else None


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A connection. `source_handle` None means: whatever the source did."""

    id: str
    source: str
    target: str
    source_handle: str | None = None
    target_handle: str | None = None


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow variable; `value` may be text for every type."""

    id: str
    name: str
    type: str = "plain"
    value: Json = None


class LoopConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A loop container, rebuilt from its block and its children."""

    id: str
    nodes: tuple[str, ...] = ()
    """The direct children, in the order of the blocks."""
    loop_type: str = "for"
    """One of LOOP_TYPES, else a run ends there."""
    iterations: Json = 5
    for_each_items: Json = ""
    while_condition: str = ""
    do_while_condition: str = ""
    enabled: bool = True


class ParallelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A parallel container, rebuilt from its block and its children."""

    id: str
    nodes: tuple[str, ...] = ()
    """The direct children, in the order of the blocks."""
    parallel_type: str = "count"
    """`count` or `collection`."""
    count: Json = 5
    distribution: Json = ""
    batch_size: int = 20
    """Branches at a time, 1 to 20."""
    enabled: bool = True


class WorkflowState(msgspec.Struct, frozen=True, kw_only=True):
    """A whole workflow. Blocks, edges and variables keep the order of the document: it can change what runs."""

    blocks: dict[str, Block]
    edges: tuple[Edge, ...]
    loops: dict[str, LoopConfig]
    parallels: dict[str, ParallelConfig]
    variables: dict[str, Variable]
    metadata: JsonObject = {}
    ids_by_name: dict[str, str] = {}
    """Normalised name to block id; the first block of a name wins, and notes have none."""
    left_out: tuple[Block, ...] = ()
    """Blocks that nothing here can run, and that the workflow runs without."""

    def block_named(self, name: str) -> Block | None:
        """The block that a reference root means, already in normal form."""
        block_id = self.ids_by_name.get(name)
        return self.blocks[block_id] if block_id is not None else None

    def is_container(self, block_id: str) -> bool:
        """Whether the block is a loop or a parallel."""
        return block_id in self.loops or block_id in self.parallels

    def container_of(self, block_id: str) -> str | None:
        """The id of the innermost container around a block, None at the top level."""
        parent = self.blocks[block_id].parent_id
        return parent if parent is not None and self.is_container(parent) else None

    def containers_of(self, block_id: str) -> tuple[str, ...]:
        """All containers around a block, innermost first; cut off where containers lie within themselves."""
        found: list[str] = []
        parent = self.container_of(block_id)
        while parent is not None and parent not in found:
            found.append(parent)
            parent = self.container_of(parent)
        return tuple(found)

    def is_enabled(self, block_id: str) -> bool:
        """Whether a block is switched on, and every container around it too."""
        return all(self.blocks[each].enabled for each in (block_id, *self.containers_of(block_id)))
