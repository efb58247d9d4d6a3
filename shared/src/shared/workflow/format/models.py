"""Immutable typed model of a workflow state. Unknown keys of the document are ignored."""

from typing import Final

import msgspec

from shared.workflow.format.js_values import Json, JsonObject

LOOP_TYPES: Final = ("for", "forEach", "while", "doWhile")
MAX_CONTAINER_DEPTH: Final = 10
"""Maximum nesting of containers."""


class SubBlock(msgspec.Struct, frozen=True):
    """One setting of a block. `type` is the editor's control, not the type of the value."""

    id: str
    type: str = "short-input"
    value: Json = None


class RetryPolicy(msgspec.Struct, frozen=True):
    """Retries of a failing block, within the format's bounds."""

    max_tries: int = 3
    """2 to 5, including the first try."""
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
    """Set only if the author enabled it."""
    advanced_mode: bool = False
    trigger_mode: bool = False

    def value(self, key: str) -> Json:
        """Return the stored value of a sub-block; None without one."""
        sub_block = self.sub_blocks.get(key)
        return sub_block.value if sub_block else None

    @property
    def parent_id(self) -> str | None:
        """Return the block's stated container, which may not exist."""
        parent = self.data.get("parentId")
        return parent if isinstance(parent, str) and parent else None


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A connection. `source_handle` None follows any result of the source."""

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
    """Direct children, in block order."""
    loop_type: str = "for"
    """One of LOOP_TYPES; others end a run there."""
    iterations: Json = 5
    for_each_items: Json = ""
    while_condition: str = ""
    do_while_condition: str = ""
    enabled: bool = True


class ParallelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A parallel container, rebuilt from its block and its children."""

    id: str
    nodes: tuple[str, ...] = ()
    """Direct children, in block order."""
    parallel_type: str = "count"
    """`count` or `collection`."""
    count: Json = 5
    distribution: Json = ""
    batch_size: int = 20
    """Branches at a time, 1 to 20."""
    enabled: bool = True


class WorkflowState(msgspec.Struct, frozen=True, kw_only=True):
    """A whole workflow. Blocks, edges and variables keep the document's order, which can affect execution."""

    blocks: dict[str, Block]
    edges: tuple[Edge, ...]
    loops: dict[str, LoopConfig]
    parallels: dict[str, ParallelConfig]
    variables: dict[str, Variable]
    metadata: JsonObject = {}
    ids_by_name: dict[str, str] = {}
    """Normalized name to block id; the first block of a name wins, and notes have none."""
    left_out: tuple[Block, ...] = ()
    """Unsupported blocks, omitted from runs."""

    def block_named(self, name: str) -> Block | None:
        """Return the block with a normalized name."""
        block_id = self.ids_by_name.get(name)
        return self.blocks[block_id] if block_id is not None else None

    def is_container(self, block_id: str) -> bool:
        """Return whether the block is a loop or a parallel."""
        return block_id in self.loops or block_id in self.parallels

    def container_of(self, block_id: str) -> str | None:
        """Return the id of a block's innermost container, None at the top level."""
        parent = self.blocks[block_id].parent_id
        return parent if parent is not None and self.is_container(parent) else None

    def containers_of(self, block_id: str) -> tuple[str, ...]:
        """Return all containers of a block, innermost first; stops at cycles."""
        found: list[str] = []
        parent = self.container_of(block_id)
        while parent is not None and parent not in found:
            found.append(parent)
            parent = self.container_of(parent)
        return tuple(found)

    def is_enabled(self, block_id: str) -> bool:
        """Return whether a block and all its containers are enabled."""
        return all(self.blocks[each].enabled for each in (block_id, *self.containers_of(block_id)))
