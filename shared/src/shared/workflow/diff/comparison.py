"""States reduced for comparison, without data that only the editor uses."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from shared.workflow.format.js_values import Json, JsonObject, object_of, parse_json, stringify, truthy
from shared.workflow.format.models import Block, LoopConfig, ParallelConfig
from shared.workflow.format.reader import read_state

BLOCK_FIELDS: Final = (
    "type",
    "name",
    "enabled",
    "horizontalHandles",
    "advancedMode",
    "triggerMode",
    "errorEnabled",
    "retry",
)
_BRANCHES: Final = frozenset({"conditions", "routes"})
_BRANCH_KEYS: Final = frozenset({"id", "title", "value"})
EdgeKey: TypeAlias = tuple[str, str, str, str]
"""Source, source handle, target, target handle."""

_ON_BY_DEFAULT: Final = frozenset({"enabled", "horizontalHandles"})
_LAYOUT_DATA: Final = frozenset({"width", "height", "id", "type", "parentId", "extent", "nodes"})
_LOOP_DATA: Final = frozenset(
    {"loopType", "count", "iterations", "collection", "forEachItems", "whileCondition", "doWhileCondition"}
)
_SKIPPED_DATA: Final = _LAYOUT_DATA | _LOOP_DATA | {"parallelType", "distribution"}
_SKIPPED_SUB_BLOCKS: Final = frozenset({"webhookId", "triggerPath", "triggerConfig", "triggerId", "undefined"})
_SKIPPED_FAMILIES: Final = re.compile(
    r"(?:triggerCredentials|triggerInstructions|webhookUrlDisplay|samplePayload|setupScript|scheduleInfo)(?:_.*)?"
)


class ComparableBlock(msgspec.Struct, frozen=True):
    """One block: plain fields, settings and remaining data, each by name."""

    fields: Mapping[str, Json]
    settings: Mapping[str, Json]
    data: Mapping[str, Json]

    @property
    def name(self) -> str:
        """Return the block's display name."""
        return str(self.fields["name"])


class ComparableState(msgspec.Struct, frozen=True):
    """A whole state for comparison."""

    blocks: Mapping[str, ComparableBlock]
    edges: frozenset[EdgeKey]
    containers: Mapping[str, JsonObject]
    """Loops and parallels, with only the settings of their kind."""
    variables: Mapping[str, JsonObject]


def comparable(document: JsonObject) -> ComparableState:
    """Read a state for comparison; raises InvalidWorkflow."""
    state = read_state(document)
    raw_blocks = document.get("blocks")
    blocks = raw_blocks if isinstance(raw_blocks, dict) else {}
    return ComparableState(
        blocks={
            block.id: ComparableBlock(
                fields=_fields(object_of(blocks.get(block.id)), block),
                settings={
                    key: _setting(key, sub.type, sub.value)
                    for key, sub in block.sub_blocks.items()
                    if not _is_skipped(key) and sub.value not in (None, "")
                },
                data={key: value for key, value in block.data.items() if key not in _SKIPPED_DATA},
            )
            for block in state.blocks.values()
        },
        edges=frozenset((e.source, e.source_handle or "", e.target, e.target_handle or "target") for e in state.edges),
        containers={
            **{loop.id: _loop(loop) for loop in state.loops.values()},
            **{parallel.id: _parallel(parallel) for parallel in state.parallels.values()},
        },
        variables={v.id: {"name": v.name, "type": v.type, "value": v.value} for v in state.variables.values()},
    )


def same(before: Json, after: Json) -> bool:
    """Return whether two values are the same JSON, regardless of key order and number format."""
    return before is after or stringify(before, sort_keys=True) == stringify(after, sort_keys=True)


def _fields(block: JsonObject, read: Block) -> dict[str, Json]:
    found: dict[str, Json] = {
        "type": block.get("type"),
        "name": read.name,
        "retry": _retry(block.get("retry")),
        "enabled": read.enabled,
    }
    for field in BLOCK_FIELDS:
        if field not in found:
            value = block.get(field)
            found[field] = field in _ON_BY_DEFAULT if value is None else truthy(value)
    return found


def _retry(value: Json) -> Json:
    return value if isinstance(value, dict) and truthy(value.get("enabled")) else None


def _is_skipped(key: str) -> bool:
    return key in _SKIPPED_SUB_BLOCKS or _SKIPPED_FAMILIES.fullmatch(key) is not None


def _setting(key: str, kind: str, value: Json) -> Json:
    if kind == "table" or _is_table(value):
        return _rows(value)
    if key in _BRANCHES:
        return _picked(_BRANCH_KEYS, value)
    if key == "tools" or kind == "tool-input":
        return _without("isExpanded", value)
    return _without("collapsed", value) if key == "inputFormat" else value


def _is_table(value: Json) -> bool:
    """Return whether a value has a table's rows. Files made by programs may name another control for it."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) and "cells" in row for row in value)


def _picked(keys: frozenset[str], value: Json) -> Json:
    """Return a list of objects, stored as such or as JSON text, with these keys only."""
    parsed = parse_json(value) if isinstance(value, str) else value
    if not isinstance(parsed, list):
        return value
    return [{k: v for k, v in item.items() if k in keys} if isinstance(item, dict) else item for item in parsed]


def _rows(value: Json) -> Json:
    """Return only the cells: the editor adds row ids and a blank last row."""
    parsed = parse_json(value) if isinstance(value, str) else value
    if not isinstance(parsed, list):
        return value
    rows = [row.get("cells") for row in parsed if isinstance(row, dict)]
    return [
        cells for cells in rows if isinstance(cells, dict) and any(cell not in (None, "") for cell in cells.values())
    ]


def _without(key: str, value: Json) -> Json:
    parsed = parse_json(value) if isinstance(value, str) else value
    if not isinstance(parsed, list):
        return value
    return [
        {k: v for k, v in item.items() if k != key and v is not None} if isinstance(item, dict) else item
        for item in parsed
    ]


def _loop(loop: LoopConfig) -> JsonObject:
    settings: dict[str, JsonObject] = {
        "for": {"iterations": loop.iterations},
        "forEach": {"collection": loop.for_each_items},
        "while": {"condition": loop.while_condition},
        "doWhile": {"condition": loop.do_while_condition, "iterations": loop.iterations},
    }
    if loop.do_while_condition:
        del settings["doWhile"]["iterations"]
    return {"kind": loop.loop_type, "blocks": [*sorted(loop.nodes)], **settings.get(loop.loop_type, {})}


def _parallel(parallel: ParallelConfig) -> JsonObject:
    is_count = parallel.parallel_type == "count"
    setting: JsonObject = {"count": parallel.count} if is_count else {"collection": parallel.distribution}
    return {"kind": parallel.parallel_type, "blocks": [*sorted(parallel.nodes)], **setting}
