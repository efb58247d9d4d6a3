"""References to values that their reader never gets: of blocks that run later, or not on the same path."""

from collections.abc import Set
from typing import Final

import msgspec

from shared.workflow.catalog import Catalog
from shared.workflow.compile.wiring import unreachable_blocks
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.paths import is_declared
from shared.workflow.format.references import Reference, normalize_name
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.handles import ERROR_HANDLE
from shared.workflow.validate.references.connections import Connections
from shared.workflow.validate.references.readable_fields import ReadableFields
from shared.workflow.validate.run_order import NOT_BEFORE, RunOrder

_BRANCHING: Final = frozenset({"condition", "router", "router_v2"})
_MOST_STEPS: Final = 20
"""Blocks before a reader that are searched for a field."""
_MOST_ERROR_PATHS: Final = 200
_MOST_EDGES: Final = 500_000
"""Edges of all error paths that are followed."""
_EMPTY_AFTER_ERROR: Final = frozenset({"api", "function"})
"""Types whose output has only the error after one."""


class EarlyReferences:
    """Explains references whose value is always empty, because of the order or the paths of blocks."""

    def __init__(
        self, state: WorkflowState, catalog: Catalog, connections: Connections, fields: ReadableFields
    ) -> None:
        self._state, self._catalog, self._connections, self._fields = state, catalog, connections, fields
        self._order = RunOrder(state, catalog)
        self._most_paths = min(_MOST_ERROR_PATHS, _MOST_EDGES // (len(state.edges) + 1))
        self._after_error: dict[str, set[str]] = {}
        self._only: dict[tuple[str, bool], Set[str]] = {}

    def why_no_value(self, reference: Reference, target: Block, reader: Block) -> str | None:
        """Return why the reference reads a block that has not run, or an error that `reader` never gets."""
        if reader.id in self._order.unreached:
            return None
        return (
            self._order.why_not(target.id, reader.id)
            or self._why_no_own_results(reference, target, reader)
            or self._why_no_error(reference, target, reader)
        )

    def _why_no_own_results(self, reference: Reference, target: Block, reader: Block) -> str | None:
        """Return why a block gets no results of a container around it, which no outer loop runs again."""
        is_own = reference.path[0] in ("results", "result") and target.id in self._state.containers_of(reader.id)
        is_repeated = any(each in self._state.loops for each in self._state.containers_of(target.id))
        return f'"{target.name}" has results only after its end' if is_own and not is_repeated else None

    def fix(self, reason: str, reference: Reference, target: Block, reader: Block) -> tuple[str, str | None]:
        """Return what to do about the reference, with a leading space, and the one to write instead."""
        if not reason.endswith(NOT_BEFORE):
            return "", None
        meant = self._instead(reference, reader, target)
        if self._ends_beside(target, reader):
            step = f'Connect "{target.name}", which nothing follows, to this block, in a file with next: {reader.name}'
            return f" {step}, or read {meant or 'a block that runs before'}.", None
        fix = f'Read a block that runs before, or connect "{target.name}" before this block.'
        return did_you_mean(meant) or f" {fix}", meant

    def _instead(self, reference: Reference, reader: Block, target: Block) -> str | None:
        """Return the same reference to the nearest block that has the field, on a branch of `reader` alone."""
        key = reader.id
        for _ in range(_MOST_STEPS):
            sources = self._connections.sources.get(key, ())
            block = self._state.blocks[sources[0]] if len(sources) == 1 else None
            if block is None or block.type in _BRANCHING or self._order.is_before(block.id, target.id) is not False:
                return None
            outputs = self._fields.of(block, reader)
            if outputs is not None and is_declared(outputs, reference.path):
                return f"<{normalize_name(block.name)}.{reference.path_text}>"
            key = block.id
        return None

    def _ends_beside(self, target: Block, reader: Block) -> bool:
        """Return whether a path ends with `target`, beside the one that `reader` is on."""
        is_beside = self._state.container_of(target.id) == self._state.container_of(reader.id)
        is_last = is_beside and not self._connections.is_followed(target.id) and target.type != "response"
        return is_last and self._order.is_before(reader.id, target.id) is False

    def _why_no_error(self, reference: Reference, target: Block, reader: Block) -> str | None:
        """Return why the reference reads an error that `reader` never gets; None if it reads none, or may get it."""
        spec = self._catalog.spec(target.type)
        if reference.path[0] != "error" or spec is None:
            return None
        if target.id not in self._connections.handlers:
            followers = self._connections.followers.get(target.id, ())
            is_checked = any(self._state.blocks[each].type == "condition" for each in followers)  # reported there
            is_ended = target.type == "guardrails" and not is_checked
            if not is_ended or reader.id not in self._only_after(target.id, by_error=False):
                return None
            return f'a failed check of "{target.name}" ends the run. Connect its error port, on_error in a file'
        around = self._state.containers_of(reader.id)
        in_loop = any(each in self._state.loops for each in around)
        is_inside = all(each in around for each in self._state.containers_of(target.id))
        is_own = "error" in spec.declared_outputs(target) and "error" not in spec.outputs
        if in_loop or not is_inside or is_own:
            return None
        if target.id not in self._after_error and len(self._after_error) >= self._most_paths:
            return None
        is_reached = reader.id in self._reached_by_error(target.id)
        return None if is_reached else f'only the error path of "{target.name}" has it'

    def why_no_result(self, reference: Reference, target: Block, reader: Block) -> str | None:
        """Return why the reference reads a result that `reader` never gets, after an error; None if it may get it."""
        around = self._state.containers_of(reader.id)
        is_apart = around != self._state.containers_of(target.id) or any(each in self._state.loops for each in around)
        if reference.path[0] == "error" or target.type not in _EMPTY_AFTER_ERROR or is_apart:
            return None
        if target.id not in self._connections.handlers or reader.id in self._order.unreached:
            return None
        if reader.id not in self._only_after(target.id, by_error=True):
            return None
        reason = f'"{reader.name}" runs only after an error of "{target.name}"'
        is_handler = reader.id in self._connections.handlers[target.id]
        if self._connections.is_followed(target.id) or is_handler:
            return reason
        return f'{reason}. Write next: {reader.name} at "{target.name}"'

    def _only_after(self, block_id: str, *, by_error: bool) -> Set[str]:
        """Return the blocks that run only after an error of a block, or only after its success."""
        key = (block_id, by_error)
        if key not in self._only and len(self._only) < self._most_paths:
            edges = tuple(
                each
                for each in self._state.edges
                if each.source != block_id or (each.source_handle == ERROR_HANDLE) != by_error
            )
            self._only[key] = unreachable_blocks(msgspec.structs.replace(self._state, edges=edges), self._catalog)
        return self._only.get(key, frozenset())

    def _reached_by_error(self, block_id: str) -> set[str]:
        if block_id not in self._after_error:
            pending = list(self._connections.handlers[block_id])
            reached = set(pending)
            while pending:
                new = [key for key in self._connections.followers.get(pending.pop(), ()) if key not in reached]
                reached.update(new)
                pending.extend(new)
            self._after_error[block_id] = reached
        return self._after_error[block_id]
