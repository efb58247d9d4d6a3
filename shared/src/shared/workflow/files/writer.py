"""Write a workflow's state as a file that people read. Reading it back gives the same workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from shared.workflow.catalog import BlockSpec, Catalog, installed_catalog
from shared.workflow.files import forms
from shared.workflow.files.names import (
    BLOCK_KEYS,
    BRANCHING,
    FLAGS,
    TERMINAL,
    TYPE_ALIASES,
    block_id,
    variable_id,
)
from shared.workflow.files.reader import read_file
from shared.workflow.files.yaml_writer import write_yaml
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import MISSING, Json, JsonObject, Missing, object_of, to_string
from shared.workflow.format.models import Block, Edge, WorkflowState
from shared.workflow.format.names import normalize_name
from shared.workflow.format.reader import read_state

_TYPE_NAMES: Final = {kind: alias for alias, kind in TYPE_ALIASES.items()}
_LAYOUT_DATA: Final = frozenset({"width", "height", "parentId", "extent", "id", "type", "nodes", "state", "label"})
_CONTAINER_DATA: Final = {
    "loop": ("loopType", "count", "collection", "whileCondition", "doWhileCondition"),
    "parallel": ("parallelType", "count", "collection", "batchSize"),
}
_LAST_KEYS: Final = ("branches", "start", "next", "on_error", "retry", "settings", "blockData")
_BATCH_SIZE: Final = 20


def write_file(
    document: JsonObject,
    *,
    name: str | None = None,
    description: str | None = None,
    with_layout: bool = True,
    catalog: Catalog | None = None,
) -> str:
    """Return a state as YAML. Raises InvalidWorkflow if the state cannot be read.

    Without layout, the file has no positions and no ids of blocks: a reader arranges and names them.
    """
    known = catalog or installed_catalog()
    state = read_state(document)
    first = _Writer(document, state, known, with_layout=with_layout)
    about: JsonObject = {"name": name, "description": description or None}
    head: JsonObject = {key: value for key, value in about.items() if value is not None}
    text = write_yaml({**head, **first.content(frozenset())})
    if not _keeps_edges(state, text, known, with_ids=with_layout):
        text = write_yaml({**head, **first.content(frozenset(range(len(state.edges))))})
    return text


def _keeps_edges(state: WorkflowState, text: str, catalog: Catalog, *, with_ids: bool) -> bool:
    """Return whether a file leads to the same edges, and to the same first edge into each condition."""
    read = read_state(read_file(text, catalog=catalog).state)
    if with_ids:
        return _edge_keys(read) == _edge_keys(state) and _first_sources(read) == _first_sources(state)
    return len(read.edges) == len(state.edges)


def _edge_keys(state: WorkflowState) -> set[tuple[str, str, str, str]]:
    return {
        (edge.source, edge.source_handle or "", edge.target, edge.target_handle or "target") for edge in state.edges
    }


def _first_sources(state: WorkflowState) -> dict[str, str]:
    found: dict[str, str] = {}
    for edge in state.edges:
        if edge.target in state.blocks and state.blocks[edge.target].type == "condition":
            found.setdefault(edge.target, edge.source)
    return found


@dataclass(slots=True)
class _Ways:
    """The edges of one block that its own keys can express."""

    next: list[str] = field(default_factory=list)
    on_error: list[str] = field(default_factory=list)
    branches: dict[str, list[str]] = field(default_factory=dict)
    """Targets by handle."""
    start: list[str] = field(default_factory=list)


class _Writer:
    def __init__(self, document: JsonObject, state: WorkflowState, catalog: Catalog, *, with_layout: bool) -> None:
        self._raw = object_of(document.get("blocks"))
        self._state = state
        self._catalog = catalog
        self._with_layout = with_layout
        self._keys = _block_keys(state)
        self._children = _children(state)
        self._short_branches = {
            block.id: forms.shorten_branches(block.type, self._id_in_file(block), block.value(BRANCHING[block.type]))
            for block in state.blocks.values()
            if block.type in BRANCHING
        }

    def content(self, listed: frozenset[int]) -> JsonObject:
        """Return the content of the file, with the edges of these numbers in a list."""
        ways, rest = self._sorted_edges(listed)
        is_listed = bool(listed) and len(listed) == len(self._state.edges)
        implied = set() if is_listed else self._implied(ways)
        content: JsonObject = {}
        if self._state.variables:
            content["variables"] = self._variables()
        content["blocks"] = self._level(None, ways, implied, is_listed=is_listed)
        if rest or is_listed:
            content["edges"] = [self._edge(edge) for edge in rest]
        return content

    # Edges

    def _sorted_edges(self, listed: frozenset[int]) -> tuple[dict[str, _Ways], list[Edge]]:
        ways = {key: _Ways() for key in self._state.blocks}
        rest: list[Edge] = []
        for number, edge in enumerate(self._state.edges):
            if number in listed or not self._is_expressed(ways, edge):
                rest.append(edge)
        if rest and not listed:
            return self._sorted_edges(frozenset(range(len(self._state.edges))))
        return ways, rest

    def _is_expressed(self, ways: Mapping[str, _Ways], edge: Edge) -> bool:
        """Add an edge to the keys of its source, if they can express it."""
        source, target = self._state.blocks.get(edge.source), self._state.blocks.get(edge.target)
        if source is None or target is None or edge.target_handle not in (None, "target"):
            return False
        way, handle, to = ways[source.id], edge.source_handle, self._keys[target.id]
        if "note" in (source.type, target.type):
            return False
        if self._state.is_container(source.id):
            if handle == f"{source.type}-start-source" and target.id in self._children.get(source.id, ()):
                way.start.append(to)
            elif handle == f"{source.type}-end-source":
                way.next.append(to)
            else:
                return False
        elif handle == "error":
            way.on_error.append(to)
        elif source.type in BRANCHING:
            short = self._short_branches[source.id]
            if handle is None or short is None or handle not in self._handles(source):
                return False
            way.branches.setdefault(handle, []).append(to)
        elif handle == (f"router-{target.id}" if source.type == "router" else "source"):
            way.next.append(to)
        else:
            return False
        return True

    def _handles(self, block: Block) -> list[str]:
        prefix = "condition" if block.type == "condition" else "router"
        entries = parse_list(block.value(BRANCHING[block.type]))
        return [f"{prefix}-{to_string(object_of(entry).get('id'))}" for entry in entries]

    def _implied(self, ways: Mapping[str, _Ways]) -> set[str]:
        """Return the blocks whose one successor follows from the order."""
        sources: dict[str, set[str]] = {}
        for key, way in ways.items():
            for target in (*way.next, *way.on_error, *(each for found in way.branches.values() for each in found)):
                sources.setdefault(target, set()).add(key)
        return {
            above
            for above, below in self._pairs()
            if self._may_follow(above, below)
            and ways[above].next == [self._keys[below]]
            and sources.get(self._keys[below]) == {above}
            and self._keys[below] not in (*ways[above].on_error, *self._started(ways))
        }

    def _started(self, ways: Mapping[str, _Ways]) -> set[str]:
        return {key for way in ways.values() for key in way.start}

    def _pairs(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for members in self._children.values():
            found += pairwise(each for each in members if self._state.blocks[each].type != "note")
        return found

    def _may_follow(self, above: str, below: str) -> bool:
        block = self._state.blocks[below]
        spec = self._catalog.spec(block.type)
        is_trigger = (spec is not None and spec.is_trigger) or block.trigger_mode
        return self._state.blocks[above].type not in TERMINAL and not is_trigger

    def _edge(self, edge: Edge) -> Json:
        listed: JsonObject = {"from": self._keys.get(edge.source, edge.source)}
        if edge.source_handle is not None:
            listed["handle"] = edge.source_handle
        listed["to"] = self._keys.get(edge.target, edge.target)
        if edge.target_handle not in (None, "target"):
            listed["into"] = edge.target_handle
        return listed

    # Blocks

    def _level(
        self, container: str | None, ways: Mapping[str, _Ways], implied: set[str], *, is_listed: bool
    ) -> JsonObject:
        followed = {above for above, below in self._pairs() if self._may_follow(above, below)}
        unnamed = self._unnamed(ways)
        below = dict(self._pairs())
        level: JsonObject = {}
        for key in self._children.get(container, ()):
            block = self._state.blocks[key]
            content = self._block(block, ways[key])
            if key in implied:
                content.pop("next", None)
            elif key in followed and "next" not in content and not is_listed and below[key] in unnamed:
                content["next"] = []
            if self._children.get(key):
                if not is_listed and self._starts_are_implied(key, ways, implied):
                    content.pop("start", None)
                elif not is_listed:
                    content["start"] = list(ways[key].start)
                content["blocks"] = self._level(key, ways, implied, is_listed=is_listed)
            level[self._keys[key]] = {
                **{each: value for each, value in content.items() if each not in _LAST_KEYS and each != "layout"},
                **{each: content[each] for each in _LAST_KEYS if each in content},
                **({"layout": content["layout"]} if "layout" in content else {}),
            }
            if "blocks" in content:
                entry = object_of(level[self._keys[key]])
                entry["blocks"] = entry.pop("blocks")
        return level

    def _unnamed(self, ways: Mapping[str, _Ways]) -> set[str]:
        """Return the blocks that no other one names as its successor."""
        named = {
            target
            for way in ways.values()
            for target in (
                *way.next,
                *way.on_error,
                *way.start,
                *(each for found in way.branches.values() for each in found),
            )
        }
        return {key for key in self._state.blocks if self._keys[key] not in named}

    def _starts_are_implied(self, container: str, ways: Mapping[str, _Ways], implied: set[str]) -> bool:
        members = [each for each in self._children[container] if self._state.blocks[each].type != "note"]
        entered = {target for each in members for target in self._siblings(ways[each])}
        return sorted(ways[container].start) == sorted(
            self._keys[each] for each in members if self._keys[each] not in entered
        )

    def _siblings(self, way: _Ways) -> list[str]:
        return [*way.next, *way.on_error, *(each for found in way.branches.values() for each in found)]

    def _block(self, block: Block, ways: _Ways) -> JsonObject:
        raw = object_of(self._raw.get(block.id))
        key = self._keys[block.id]
        content: JsonObject = {"type": _TYPE_NAMES.get(block.type, block.type)}
        if block.name != key:
            content["name"] = block.name
        if self._with_layout and block.id != block_id(key):
            content["id"] = block.id
        if not block.enabled:
            content["enabled"] = False
        for flag, default in FLAGS.items():
            if raw.get(flag) not in (None, default):
                content[flag] = raw[flag]
        content |= self._container(block)
        content |= self._settings(block)
        if (branches := self._branches(block, ways)) is not None:
            content["branches"] = branches
        if ways.next:
            content["next"] = ways.next[0] if len(ways.next) == 1 else list(ways.next)
        if ways.on_error:
            content["on_error"] = ways.on_error[0] if len(ways.on_error) == 1 else list(ways.on_error)
        retry = raw.get("retry")
        if isinstance(retry, dict) and retry.get("enabled"):
            content["retry"] = {each: value for each, value in retry.items() if each != "enabled" or value is not True}
        if self._with_layout:
            content |= _layout(raw)
        return content

    def _container(self, block: Block) -> JsonObject:
        data = {key: value for key, value in block.data.items() if key not in _LAYOUT_DATA}
        own = {key: data.pop(key) for key in _CONTAINER_DATA.get(block.type, ()) if key in data}
        content: JsonObject = {}
        if block.type == "loop":
            kind = own.get("loopType") or "for"
            fields = {
                "for": ("count",),
                "forEach": ("collection",),
                "while": ("while",),
                "doWhile": ("do_while", "count"),
            }
            if not isinstance(kind, str) or kind not in fields:
                data |= own
            else:
                stored = {**own, "while": own.get("whileCondition"), "do_while": own.get("doWhileCondition")}
                content = {key: stored[key] for key in fields[kind] if stored.get(key) is not None}
                if kind != "for":
                    content.setdefault(fields[kind][0], "")
        elif block.type == "parallel":
            kind = own.get("parallelType") or "count"
            fields_of = {"count": "count", "collection": "collection"}
            if not isinstance(kind, str) or kind not in fields_of:
                data |= own
            else:
                if own.get(kind) is not None:
                    content[kind] = own[kind]
                elif kind == "collection":
                    content[kind] = ""
                if own.get("batchSize") not in (None, _BATCH_SIZE):
                    content["batchSize"] = own["batchSize"]
        if block.parent_id is not None and block.id in self._children.get(None, ()):
            data["parentId"] = block.parent_id
        if data:
            content["blockData"] = data
        return content

    def _settings(self, block: Block) -> JsonObject:
        spec = self._catalog.spec(block.type)
        known = {setting.id: setting for setting in spec.sub_blocks} if spec else {}
        order = [
            *(key for key in known if key in block.sub_blocks),
            *(key for key in block.sub_blocks if key not in known),
        ]
        reserved = {*BLOCK_KEYS, *_RESERVED.get(block.type, ())}
        values = {key: block.value(key) for key in order if block.value(key) is not None}
        if self._id_in_file(block) and self._short_branches.get(block.id) is not None:
            values.pop(BRANCHING[block.type], None)
        short: JsonObject = {}
        verbatim: JsonObject = {}
        for key, value in values.items():
            form = forms.form_of(known.get(key))
            name = "inputs" if key == "inputFormat" and known else key
            if key not in known or (key in reserved and name == key):
                verbatim[key] = value
            elif form is None:
                short[key] = value
            elif not isinstance(found := _short(form, value, known[key].type), Missing):
                short[name] = found
            elif form.expand(value) is MISSING and name == key:
                short[key] = value
            else:
                verbatim[key] = value
        self._drop_implied(block, spec, short, values, verbatim)
        first = {"inputs": short.pop("inputs")} if "inputs" in short else {}
        return {**first, **short, **({"settings": verbatim} if verbatim else {})}

    @staticmethod
    def _drop_implied(
        block: Block, spec: BlockSpec | None, short: JsonObject, values: JsonObject, verbatim: JsonObject
    ) -> None:
        """Leave out what a reader adds by itself, and keep it from adding what is not stored."""
        if block.type == "response" and ("data" in short or "data" in verbatim):
            if short.get("dataMode") == "json":
                del short["dataMode"]
            elif "dataMode" not in values:
                verbatim["dataMode"] = None
        if spec is None or "escapeValues" not in {setting.id for setting in spec.sub_blocks}:
            return
        for key in ("data", "body"):
            if isinstance(short.get(key), list | dict):
                if values.get("escapeValues") is True:
                    short.pop("escapeValues", None)
                elif "escapeValues" not in values:
                    short[key] = values[key]

    def _branches(self, block: Block, ways: _Ways) -> list[Json] | None:
        short = self._short_branches.get(block.id)
        if short is None:
            return None
        found: list[Json] = []
        for branch, handle in zip(short, self._handles(block), strict=True):
            targets = ways.branches.get(handle, [])
            to: Json = targets[0] if len(targets) == 1 else list(targets)
            is_else = "else" in branch and branch["else"] is None
            full = {**branch, ("else" if is_else else "next"): to} if targets else branch
            order = ("if", "else if", "else", "route", "when", "next", "id")
            found.append({key: full[key] for key in order if key in full})
        return found

    def _id_in_file(self, block: Block) -> str:
        """Return the id that a reader gives the block, from which ids of its branches follow."""
        return block.id if self._with_layout else block_id(self._keys[block.id])

    def _variables(self) -> JsonObject:
        found: JsonObject = {}
        for variable in self._state.variables.values():
            key = variable.name
            while key in found:
                key = f"{key} (2)"
            content: JsonObject = {"type": variable.type, "value": variable.value}
            if key != variable.name:
                content["name"] = variable.name
            if self._with_layout and variable.id != variable_id(key):
                content["id"] = variable.id
            found[key] = content
        return found


_RESERVED: Final = {
    "loop": ("count", "collection", "while", "do_while"),
    "parallel": ("count", "collection", "batchSize"),
}


def _short(form: forms.Form, stored: Json, kind: str) -> Json | Missing:
    if kind != "table":
        return forms.shortened(form, stored)
    short = form.shorten(stored)
    rows = MISSING if isinstance(short, Missing) else form.expand(short)
    if isinstance(rows, Missing) or forms.table_rows(rows) != forms.table_rows(stored):
        return MISSING
    return short


def _layout(raw: JsonObject) -> JsonObject:
    position, data = object_of(raw.get("position")), object_of(raw.get("data"))
    layout = [position.get("x"), position.get("y")]
    size = [data.get("width"), data.get("height")]
    if all(isinstance(each, int | float) for each in size):
        layout += size
    return {"layout": layout} if all(isinstance(each, int | float) for each in layout) else {}


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
