"""Write a workflow's state as a file that people read. Reading it back gives the same workflow."""

from collections.abc import Mapping
from typing import Final

from shared.workflow.catalog import Catalog, installed_catalog
from shared.workflow.files.block_writer import BlockWriter
from shared.workflow.files.edge_writer import EdgeWriter, Ways
from shared.workflow.files.names import variable_id
from shared.workflow.files.outline import Outline
from shared.workflow.files.reader import read_file, variable_type
from shared.workflow.files.yaml_writer import write_yaml
from shared.workflow.format.js_values import JsonObject, object_of
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.reader import read_state

_LAST_KEYS: Final = ("branches", "start", "next", "on_error", "retry", "settings", "blockData", "layout", "blocks")


def write_file(
    document: JsonObject,
    *,
    name: str | None = None,
    description: str | None = None,
    with_layout: bool = True,
    catalog: Catalog | None = None,
) -> str:
    """Return a state as YAML. Raises InvalidWorkflow if the state cannot be read.

    Without layout, the file has no positions and no ids: a reader arranges and names the blocks.
    """
    known = catalog or installed_catalog()
    state = read_state(document)
    writer = _Writer(document, Outline(state, known, with_layout=with_layout))
    about: JsonObject = {"name": name, "description": description or None}
    head: JsonObject = {key: value for key, value in about.items() if value is not None}
    text = write_yaml({**head, **writer.content()})
    if not _keeps_edges(state, text, known, with_ids=with_layout):
        text = write_yaml({**head, **writer.content(is_listed=True)})
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


class _Writer:
    def __init__(self, document: JsonObject, outline: Outline) -> None:
        self._outline = outline
        self._blocks = BlockWriter(object_of(document.get("blocks")), outline)
        self._edges = EdgeWriter(outline)

    def content(self, *, is_listed: bool = False) -> JsonObject:
        """Return the content of the file. It lists the edges if keys of blocks cannot express all."""
        ways = None if is_listed else self._edges.ways()
        content: JsonObject = {}
        if self._outline.state.variables:
            content["variables"] = self._variables()
        if ways is None:
            content |= {"blocks": self._listed_level(None), "edges": self._edges.listed()}
        else:
            content["blocks"] = self._level(None, ways, self._edges.implied(ways))
        if self._outline.with_layout and (ids := self._edges.ids()):
            content["edgeIds"] = ids
        return content

    def _level(self, container: str | None, ways: Mapping[str, Ways], implied: set[str]) -> JsonObject:
        """Return the blocks of a container, or the outermost ones, with their connections."""
        pairs = self._outline.pairs()
        followed = {above for above, below in pairs if self._outline.may_follow(above, below)}
        unnamed = self._edges.unnamed(ways)
        below = dict(pairs)
        level: JsonObject = {}
        for key in self._outline.children.get(container, ()):
            content = self._blocks.write(self._outline.state.blocks[key], ways[key])
            if key in implied:
                content.pop("next", None)
            elif key in followed and "next" not in content and below[key] in unnamed:
                content["next"] = []
            if self._outline.children.get(key):
                if not self._edges.starts_are_implied(key, ways):
                    content["start"] = list(ways[key].start)
                content["blocks"] = self._level(key, ways, implied)
            level[self._outline.keys[key]] = _ordered(content)
        return level

    def _listed_level(self, container: str | None) -> JsonObject:
        """Return the blocks of a container, or the outermost ones, without connections."""
        level: JsonObject = {}
        for key in self._outline.children.get(container, ()):
            content = self._blocks.write(self._outline.state.blocks[key], Ways())
            if self._outline.children.get(key):
                content["blocks"] = self._listed_level(key)
            level[self._outline.keys[key]] = _ordered(content)
        return level

    def _variables(self) -> JsonObject:
        found: JsonObject = {}
        for variable in self._outline.state.variables.values():
            key = variable.name
            while key in found:
                key = f"{key} (2)"
            value = variable.value
            content: JsonObject = {"type": variable.type, "value": value}
            if key != variable.name:
                content["name"] = variable.name
            if self._outline.with_layout and variable.id != variable_id(key):
                content["id"] = variable.id
            is_bare = set(content) == {"type", "value"} and variable.type == variable_type(value)
            found[key] = value if is_bare and not isinstance(value, dict) else content
        return found


def _ordered(content: JsonObject) -> JsonObject:
    last: JsonObject = {key: content[key] for key in _LAST_KEYS if key in content}
    return {**{key: value for key, value in content.items() if key not in last}, **last}
