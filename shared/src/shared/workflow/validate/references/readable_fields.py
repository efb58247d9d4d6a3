"""Fields of each block that references may read."""

from typing import Final

from shared.workflow.catalog import Catalog
from shared.workflow.catalog.synonyms import is_misnamed
from shared.workflow.format.js_values import object_of, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.paths import OutputField, Outputs
from shared.workflow.format.response_format import read_response_format
from shared.workflow.validate.references.connections import Connections
from shared.workflow.validate.settings.agent_settings import AGENT_FIELDS
from shared.workflow.validate.settings.literals import parsed

_ANY: Final = OutputField()
_ROUND: Final = {"index": _ANY}
ITEMS: Final = {"currentItem": _ANY, "items": _ANY}
_LIST: Final = OutputField(type="array")
_RESULTS: Final = {"results": _LIST}
_TEXT: Final = OutputField(type="string")
_TEXT_ERRORS: Final = frozenset({"api", "function", "guardrails", "webhook_request"})
_ASK_MODELS: Final = frozenset({"agent", "evaluator", "router", "router_v2"})
_COUNTS: Final = {"input": _ANY, "output": _ANY, "total": _ANY}
_OF_MODELS: Final = {
    "tokens": OutputField(fields=_COUNTS),
    "cost": OutputField(fields={**_COUNTS, "pricing": _ANY}),
    "toolCalls": OutputField(fields={"list": _ANY, "count": _ANY}),
}
"""Parts of their fields."""
_OPEN_STARTS: Final = frozenset({"schedule", "generic_webhook", "manual_trigger"})
"""Their output is whatever the sender sends."""


class ReadableFields:
    """The fields that references to each block may use."""

    def __init__(self, state: WorkflowState, catalog: Catalog, connections: Connections) -> None:
        self._state, self._catalog, self._connections = state, catalog, connections
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
            return {**_rounds(self._state, target), **_RESULTS} if is_inside else {**_RESULTS, "result": _LIST}
        if _is_malformed(target):
            return None
        declared = spec.declared_outputs(target)
        if target.type == "agent":
            declared = {**dict.fromkeys(AGENT_FIELDS, _ANY), **declared}
        if target.type in _ASK_MODELS:
            declared = {
                key: _OF_MODELS.get(key, each) if each.type == "json" else each for key, each in declared.items()
            }
        if target.type == "condition":
            declared = {**self._passed_on(target), **declared}
        if target.type == "guardrails" and target.value("piiMode") in (None, "", "block"):
            declared = {key: each for key, each in declared.items() if key != "maskedText"}
        if target.type == "api" and to_string(target.value("method")).upper() == "HEAD":
            declared = {key: each for key, each in declared.items() if key != "data"}
        if target.type == "memory":
            declared = {**declared, "memories": _LIST}
        error = _TEXT if target.type in _TEXT_ERRORS else _ANY
        return {**declared, "error": error} if target.id in self._connections.handlers else declared

    def _passed_on(self, condition: Block) -> Outputs:
        """Return the fields of the blocks before a condition, which its output repeats."""
        seen, pending = {condition.id}, [condition.id]
        found: dict[str, OutputField] = {}
        while pending:
            for key in self._connections.sources.get(pending.pop(), ()):
                source = self._state.blocks[key]
                spec = self._catalog.spec(source.type)
                if spec is None or source.id in seen:
                    continue
                seen.add(source.id)
                found |= spec.declared_outputs(source)
                if source.type == "condition":
                    pending.append(source.id)
        return found


def _is_malformed(block: Block) -> bool:
    """Return whether a setting that declares outputs is malformed: that is reported, not the references."""
    if block.type == "agent":
        given = block.value("responseFormat")
        found = read_response_format(given)
        is_unread = is_misnamed(block.type, block.sub_blocks, "responseFormat")
        return is_unread or (given not in (None, "") and not (found and found.outputs))
    if block.type == "evaluator":
        metrics = parsed(block.value("metrics"))
        return not isinstance(metrics, list) or any(not object_of(each).get("name") for each in metrics)
    if is_misnamed(block.type, block.sub_blocks, "inputs"):
        return True
    given = parsed(block.value("inputFormat"))
    entries = given if isinstance(given, list) else []
    unnamed = (object_of(each) for each in entries if not object_of(each).get("name"))
    return (given not in (None, "") and not isinstance(given, list)) or any(
        each.get("value") or each.get("description") for each in unnamed
    )


def _rounds(state: WorkflowState, container: Block) -> Outputs:
    if loop := state.loops.get(container.id):
        items = {**ITEMS, "item": _ANY} if loop.loop_type == "forEach" else {}
        return {**_ROUND, "iteration": _ANY, **items}
    has_items = state.parallels[container.id].parallel_type == "collection"
    return {**_ROUND, **(ITEMS if has_items else {})}
