"""References to fields that a block does not have, and to blocks that have not run when the reference is read."""

from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.logic import code_text
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.paths import OutputField, Outputs, is_declared
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.handles import ERROR_HANDLE
from shared.workflow.validate.unknown_references import block_references

_ANY: Final = OutputField()
_ROUND: Final = {"index": _ANY}
_ITEMS: Final = {"currentItem": _ANY, "items": _ANY}
_LOOP_ALIASES: Final = {"iteration": _ANY, "item": _ANY}
_RESULTS: Final = {"results": _ANY}
_OPEN_STARTS: Final = frozenset({"schedule", "generic_webhook", "manual_trigger"})
"""Their output is whatever the sender sends."""


def field_reference_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each reference to an undeclared field or to a block that runs later or never."""
    upstream = _Upstream(state)
    silent: set[str] = set()
    handled = {edge.source for edge in state.edges if edge.source_handle == ERROR_HANDLE}
    for block, field, reference in block_references(state, catalog):
        target = state.block_named(reference.name)
        if reference.name in ("loop", "parallel"):
            target = _innermost(state, block, reference.name)
        if target is None:
            continue
        outputs = _outputs(state, catalog, block, target, is_handled=target.id in handled)
        if outputs is not None and not is_declared(outputs, reference.path):
            yield _undeclared(block, field, reference, target, outputs)
        elif target.type == "function" and reference.path[0] == "result" and _returns_nothing(target):
            if target.id not in silent:
                message = f"{target.name}: the code returns nothing, so {reference.raw} in {block.name} is empty."
                yield warning(ProblemCode.INVALID_SETTING, message, target, ("code",))
            silent.add(target.id)
        elif reason := upstream.why_not(target.id, block.id):
            message = f"{block.name}: {reference.raw} is always empty: {reason}."
            yield warning(ProblemCode.EARLY_REFERENCE, message, block, (field,))


def _returns_nothing(function: Block) -> bool:
    code = code_text(function.value("code"))
    return bool(code.strip()) and "return" not in code and "__sim_result__" not in code


def _innermost(state: WorkflowState, block: Block, kind: str) -> Block | None:
    around = (state.blocks[each] for each in (block.id, *state.containers_of(block.id)))
    return next((each for each in around if each.type == kind), None)


def _outputs(
    state: WorkflowState, catalog: Catalog, reader: Block, target: Block, *, is_handled: bool
) -> Outputs | None:
    """Return the fields that references from `reader` to `target` may use; None if any."""
    spec = catalog.spec(target.type)
    if spec is None or target.trigger_mode or target.type in _OPEN_STARTS:
        return None
    if spec.is_container:
        if target.id not in (reader.id, *state.containers_of(reader.id)):
            return {**_RESULTS, "result": _ANY}
        return {**_rounds(state, target), **_RESULTS}
    declared = spec.declared_outputs(target)
    if target.type == "condition":
        declared = {**_passed_on(state, catalog, target), **declared}
    return {**declared, "error": _ANY} if is_handled else declared


def _passed_on(state: WorkflowState, catalog: Catalog, condition: Block) -> Outputs:
    """Return the fields of the blocks before a condition, which its output repeats."""
    seen, pending = {condition.id}, [condition.id]
    found: dict[str, OutputField] = {}
    while pending:
        target = pending.pop()
        for source in (state.blocks[e.source] for e in state.edges if e.target == target and e.source in state.blocks):
            spec = catalog.spec(source.type)
            if spec is None or source.id in seen:
                continue
            seen.add(source.id)
            found |= spec.declared_outputs(source)
            if source.type == "condition":
                pending.append(source.id)
    return found


def _rounds(state: WorkflowState, container: Block) -> Outputs:
    if loop := state.loops.get(container.id):
        items = {**_ITEMS, "item": _ANY} if loop.loop_type == "forEach" else {}
        return {**_ROUND, "iteration": _ANY, **items}
    has_items = state.parallels[container.id].parallel_type == "collection"
    return {**_ROUND, **(_ITEMS if has_items else {})}


def _undeclared(block: Block, field: str, reference: Reference, target: Block, outputs: Outputs) -> Problem:
    key = to_string(reference.path[0])
    near = None if key in outputs else nearest(key, outputs)
    suggestion = f"<{reference.root}.{near}>" if near else None
    names = ", ".join(outputs) or "none"
    cause = (
        f'"{target.name}" declares no input "{key}"'
        if target.type in ("start_trigger", "starter", "api_trigger", "input_trigger")
        else f'"{target.name}" has no field "{reference.path_text}"'
    )
    hint = did_you_mean(suggestion) or f" Available fields: {names}."
    return warning(
        ProblemCode.UNKNOWN_FIELD,
        f"{block.name}: {reference.raw}: {cause}.{hint}",
        block,
        (field,),
        suggestion=suggestion,
    )


class _Upstream:
    """Answers whether a block has run before another one, in a run that reaches both."""

    def __init__(self, state: WorkflowState) -> None:
        self._state = state
        self._sources: dict[str, set[str]] = {}
        for edge in state.edges:
            if edge.source in state.blocks and edge.target in state.blocks:
                self._sources.setdefault(edge.target, set()).add(edge.source)
        self._known: dict[str, set[str]] = {}

    def why_not(self, target: str, reader: str) -> str | None:
        """Return why `target` cannot have run when `reader` reads it; None if it can."""
        state = self._state
        name = state.blocks[target].name
        around_reader, around_target = state.containers_of(reader), state.containers_of(target)
        if target in around_reader or (target == reader and state.is_container(target)):
            return None
        if not state.is_enabled(target):
            return f'"{name}" is disabled'
        if any(each in state.loops for each in around_reader if each in around_target):
            return None  # an earlier iteration may have run it
        if target == reader:
            return "a block has no output before it has run"
        common = next((each for each in around_reader if each in around_target), None)
        ends = (_at_level(state, target, common), _at_level(state, reader, common))
        if ends[0] == ends[1] or ends[0] in self._before(ends[1]):
            return None
        return f'"{name}" does not run before this block'

    def _before(self, block_id: str) -> set[str]:
        found = self._known.get(block_id)
        if found is None:
            found, pending = set(), [block_id]
            while pending:
                for source in self._sources.get(pending.pop(), ()):
                    if source not in found:
                        found.add(source)
                        pending.append(source)
            self._known[block_id] = found
        return found


def _at_level(state: WorkflowState, block_id: str, container: str | None) -> str:
    """Return the block or the container of it that lies directly in `container`."""
    around = (block_id, *state.containers_of(block_id))
    return next(each for each in around if state.container_of(each) == container)
