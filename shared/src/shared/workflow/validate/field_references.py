"""References to fields that a block does not have, and to blocks that have not run when the reference is read."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

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
_MAIN_OUTPUT: Final = {"function": "result", "api": "data", "workflow_input": "result"}
"""Output that has the fields which authors expect at the block itself."""
_MOST_BLOCKS: Final = 5_000
"""Larger workflows are not checked for the order of blocks, which takes memory for each pair of them."""
_OPEN_STARTS: Final = frozenset({"schedule", "generic_webhook", "manual_trigger"})
"""Their output is whatever the sender sends."""


def field_reference_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each reference to an undeclared field or to a block that runs later or never."""
    upstream = _Upstream(state)
    silent: set[str] = set()
    known = _Fields(state, catalog)
    for block, field, reference in block_references(state, catalog):
        target = state.block_named(reference.name)
        if reference.name in ("loop", "parallel"):
            target = _innermost(state, block, reference.name)
        if target is None:
            continue
        outputs = known.of(target, block)
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


class _Fields:
    """The fields that references to each block may use."""

    def __init__(self, state: WorkflowState, catalog: Catalog) -> None:
        self._state, self._catalog = state, catalog
        self._sources: dict[str, list[str]] = {}
        for edge in state.edges:
            if edge.source in state.blocks:
                self._sources.setdefault(edge.target, []).append(edge.source)
        self._handled = {edge.source for edge in state.edges if edge.source_handle == ERROR_HANDLE}
        self._known: dict[tuple[str, bool], Outputs | None] = {}

    def of(self, target: Block, reader: Block) -> Outputs | None:
        """Return the fields that references from `reader` to `target` may use; None if any."""
        is_inside = target.id in (reader.id, *self._state.containers_of(reader.id))
        key = (target.id, is_inside)
        if key not in self._known:
            self._known[key] = self._fields(target, is_inside=is_inside)
        return self._known[key]

    def _fields(self, target: Block, *, is_inside: bool) -> Outputs | None:
        spec = self._catalog.spec(target.type)
        if spec is None or target.trigger_mode or target.type in _OPEN_STARTS:
            return None
        if spec.is_container:
            return {**_rounds(self._state, target), **_RESULTS} if is_inside else {**_RESULTS, "result": _ANY}
        declared = spec.declared_outputs(target)
        if target.type == "condition":
            declared = {**self._passed_on(target), **declared}
        return {**declared, "error": _ANY} if target.id in self._handled else declared

    def _passed_on(self, condition: Block) -> Outputs:
        """Return the fields of the blocks before a condition, which its output repeats."""
        seen, pending = {condition.id}, [condition.id]
        found: dict[str, OutputField] = {}
        while pending:
            for key in self._sources.get(pending.pop(), ()):
                source = self._state.blocks[key]
                spec = self._catalog.spec(source.type)
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
    key, last = to_string(reference.path[0]), to_string(reference.path[-1])
    near = last if key in outputs or (last != key and last in outputs) else nearest(key, outputs)
    suggestion = f"<{reference.root}.{near}>" if near in outputs else None
    if near is None and (main := _MAIN_OUTPUT.get(target.type)):
        suggestion = f"<{reference.root}.{main}.{reference.path_text}>"
    names = ", ".join(outputs) or "none"
    is_start = target.type in ("start_trigger", "starter", "api_trigger", "input_trigger")
    if key in outputs:
        cause = f'"{key}" of "{target.name}" is a {outputs[key].type}, which has no fields'
    elif is_start:
        cause = f'"{target.name}" declares no input "{key}"'
    else:
        cause = f'"{target.name}" has no field "{reference.path_text}"'
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
        self._before = _ancestors(state)

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
        first, second = _at_level(state, target, common), _at_level(state, reader, common)
        if first == second or second not in self._before.masks:
            return None
        is_before = self._before.masks[second] >> self._before.bits[first] & 1
        return None if is_before else f'"{name}" does not run before this block'


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
    return next(each for each in around if state.container_of(each) == container)
